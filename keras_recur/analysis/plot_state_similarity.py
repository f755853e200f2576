"""Plot the similarity of the states of networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import new_figure, save
from keras_recur._validation import check_flag, check_type
from keras_recur.analysis.state_similarity import StateSimilarity


def plot_state_similarity(
    found: Mapping[str, StateSimilarity],
    path: str | Path | None = None,
    centered: bool = False,
) -> Any:
    """Plot matrices of `state_similarity` side by side, on one color scale.

    The titles hold the mean over equal iterations and the order score.

    Args:
        found: A `StateSimilarity` by the title of its panel.
        path: PNG file to write. Defaults to `None`.
        centered: Whether the matrices are shown without the means of rows and columns.
            Defaults to `False`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no result.

    Example:

    >>> pair = keras_recur.zoo.build("mlp", input_shape=(4, 4, 1), width=8)
    >>> x = np.random.default_rng(0).normal(size=(50, 4, 4, 1))
    >>> twins = keras_recur.analysis.state_similarity(
    ...     pair.recurrent, pair.feedforward, x
    ... )
    >>> figure = keras_recur.analysis.plot_state_similarity({"twins": twins})
    """
    check_type("found", found, Mapping, "a dictionary of results by title")
    if not found or not all(isinstance(r, StateSimilarity) for r in found.values()):
        raise ValueError(
            "`found` must hold one or more results of `state_similarity`. Received: "
            f"{found!r}."
        )
    check_flag("centered", centered)
    cells = [r.centered if centered else r.matrix for r in found.values()]
    scale: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": "viridis"}
    if centered:
        top = max([np.abs(c[np.isfinite(c)]).max(initial=1e-6) for c in cells])
        scale = {"vmin": -top, "vmax": top, "cmap": "RdBu_r"}
    count = len(found)
    figure, panels = new_figure(count, size=(0.8 + 3 * count, 3.4), grid=False)
    image = None
    for axes, (title, result), matrix in zip(panels, found.items(), cells, strict=True):
        image = axes.imshow(matrix, **scale)
        axes.set_title(
            f"{title}\nlevel {result.level:.2f}, order {result.order_score:.2f}",
            fontsize=9,
        )
        rows, columns = result.iterations
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xlabel("iteration of the second")
    panels[0].set_ylabel("iteration of the first")
    name = "debiased CKA, centered" if centered else "debiased CKA"
    figure.colorbar(image, ax=panels, label=name)
    return save(figure, path)
