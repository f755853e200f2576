"""How alike the layers of a template bank are.

Reference: Savarese and Maire 2019 (arXiv:1902.09701): the layer similarity matrix, the
absolute cosine of the layers' coefficients. It depends on the basis: other templates
and coefficients that make the very same kernels have another matrix. The cosine of the
kernels themselves does not.
"""

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
    """The similarity of every two layers of one bank.

    Attributes:
        coefficients: `(layers, layers)`, the paper's: absolute cosine of the
            coefficients.
        kernels: `(layers, layers)`, absolute cosine of the mixed kernels. It does not
            depend on the basis.

    Both lie in 0 to 1, with 1 on the diagonal, and are blind to sign and scale. A layer
    whose kernel is zero has similarity 0 to all others.
    """

    coefficients: np.ndarray
    kernels: np.ndarray


def layer_similarity(model: keras.Model) -> dict[str, LayerSimilarity]:
    """The layer similarity matrices of a model.

    Args:
        model: A model with template banks.

    Returns:
        `LayerSimilarity` by name of bank.

    Raises:
        ValueError: for a model without a bank, and for weights that are not finite.

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
    """The similarity matrices of one bank."""
    coefficients, gram = arrays_of(bank, name)
    return LayerSimilarity(
        cosines(coefficients, np.eye(len(gram))), cosines(coefficients, gram)
    )


def arrays_of(bank: TemplateBank, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients `(layers, k)` and the templates' Gram matrix `(k, k)`."""
    coefficients = keras.ops.convert_to_numpy(bank.coefficient_matrix())
    templates = keras.ops.convert_to_numpy(bank.templates)
    for what, values in (("coefficients", coefficients), ("templates", templates)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"The {what} of {name} are not all finite: "
                f"{np.count_nonzero(~np.isfinite(values))} of {values.size} are NaN or "
                "infinite. The training diverged: go back to an earlier checkpoint, or "
                "train with a lower learning rate or clip_norm."
            )
    flat = templates.reshape(len(templates), -1).astype("float64")
    return coefficients.astype("float64"), flat @ flat.T


def cosines(coefficients: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Absolute cosines of all rows in the metric `gram`; of a zero row, 0."""
    products = coefficients @ gram @ coefficients.T
    lengths = np.sqrt(np.maximum(np.diag(products), 0.0))
    scale = np.outer(lengths, lengths)
    found = np.abs(
        np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    )
    np.fill_diagonal(found, 1.0)
    return np.minimum(found, 1.0)


def plot_layer_similarity(
    model: keras.Model, path: str | Path | None = None, space: str = "coefficients"
) -> Any:
    """Draws the layer similarity matrices of a model as heat maps.

    Args:
        model: A model with template banks.
        path: PNG file to write. Default: none.
        space: `"coefficients"` (default), the paper's, or `"kernels"`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: as `layer_similarity`, and for an unknown `space`.

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
    """One similarity matrix, layers counted from 1."""
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
