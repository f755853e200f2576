"""Similarity of the layers of a template bank."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur._plot_style import new_figure, save
from keras_recur._validation import check_one_of
from keras_recur.analysis._banks import require_banks
from keras_recur.layers import TemplateBank


@dataclasses.dataclass(frozen=True)
class LayerSimilarity:
    """Similarity of each pair of layers of one bank.

    Values are between 0 and 1, with 1 on the diagonal, and do not depend on sign and
    scale. A layer whose kernel is zero has similarity 0 to all others.

    Attributes:
        coefficients: Absolute cosine of the coefficients, `(layers, layers)`, as in the
            paper. Other templates with the same kernels give other values.
        kernels: Absolute cosine of the mixed kernels, `(layers, layers)`.
    """

    coefficients: np.ndarray
    kernels: np.ndarray


def layer_similarity(model: keras.Model) -> dict[str, LayerSimilarity]:
    """Return the layer similarity matrices of a model.

    Args:
        model: A model with template banks.

    Returns:
        Dictionary from names of banks to `LayerSimilarity`.

    Raises:
        ValueError: If the model has no bank, or weights are not finite.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), section 3.

    Example:

    >>> pair = keras_recur.zoo.build("scnn", width=4, iterations=3, templates=2)
    >>> for name, similarity in keras_recur.analysis.layer_similarity(
    ...     pair.recurrent
    ... ).items():
    ...     print(name, similarity.kernels.shape)
    recurrent/bank_3x3x4x4 (3, 3)
    """
    banks = require_banks(model)
    return {name: similarity_of(bank, name) for name, bank in banks.items()}


def similarity_of(bank: TemplateBank, name: str = "bank") -> LayerSimilarity:
    """Return the similarity matrices of one bank."""
    coefficients, gram = arrays_of(bank, name)
    return LayerSimilarity(
        cosines(coefficients, np.eye(len(gram))), cosines(coefficients, gram)
    )


def arrays_of(bank: TemplateBank, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients `(layers, k)` and the templates' Gram matrix `(k, k)`."""
    coefficients = keras.ops.convert_to_numpy(bank.coefficient_matrix())
    templates = keras.ops.convert_to_numpy(bank.templates)
    for what, values in (("coefficients", coefficients), ("templates", templates)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"The {what} of {name} must be finite. Received: "
                f"{np.count_nonzero(~np.isfinite(values))} of {values.size} are NaN or "
                "infinite. Training diverged: use an earlier checkpoint, or train with "
                "a lower learning rate or clip_norm."
            )
    flat = templates.reshape(len(templates), -1).astype("float64")
    return coefficients.astype("float64"), flat @ flat.T


def cosines(coefficients: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Return absolute cosines of all rows in the metric `gram`, 0 for zero rows."""
    products = coefficients @ gram @ coefficients.T
    lengths = np.sqrt(np.maximum(np.diag(products), 0.0))
    scale = np.outer(lengths, lengths)
    found = np.abs(
        np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    )
    np.fill_diagonal(found, 1.0)
    return np.minimum(found, 1.0)


def plot_layer_similarity(
    model: keras.Model, space: str = "coefficients", path: str | Path | None = None
) -> Any:
    """Plot the layer similarity matrices of a model as heat maps.

    Args:
        model: A model with template banks.
        space: `"coefficients"` (default, as in the paper) or `"kernels"`.
        path: PNG file to write. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the model has no bank, weights are not finite, or `space` is
            unknown.

    Example:

    >>> pair = keras_recur.zoo.build("scnn", width=4, iterations=3)
    >>> figure = keras_recur.analysis.plot_layer_similarity(pair.recurrent)
    """
    check_one_of("space", space, ("coefficients", "kernels"))
    found = layer_similarity(model)
    size = (1.2 + 2.9 * len(found), 3.2)
    figure, panels = new_figure(len(found), size=size, grid=False)
    for axes, (name, similarity) in zip(panels, found.items(), strict=True):
        image = heat_map(axes, getattr(similarity, space))
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("layer")
    panels[0].set_ylabel("layer")
    figure.colorbar(image, ax=panels, label=f"similarity of {space}", shrink=0.85)
    return save(figure, path)


def heat_map(axes: Any, matrix: np.ndarray) -> Any:
    """Draw one similarity matrix, with layers counted from 1."""
    layers = len(matrix)
    extent = (0.5, layers + 0.5, layers + 0.5, 0.5)
    image = axes.imshow(
        matrix, vmin=0, vmax=1, cmap="Blues", interpolation="nearest", extent=extent
    )
    ticks = np.arange(1, layers + 1, max(1, layers // 10))
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(labelsize=7, length=2)
    return image
