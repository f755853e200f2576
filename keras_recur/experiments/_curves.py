"""Lines over seeds, as all experiments draw them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._files import replacing
from keras_recur.runs.summary import mean_and_error

# Shared weights are drawn as lines, weights of their own dashed.
COLORS = ("#1f6fb2", "#d1662b", "#2a8f5a", "#7a5195", "#b23a48", "#8a6d1d")


def figure(panels: int = 1, height: float = 3.8) -> tuple[Any, list[Any]]:
    """A figure with panels side by side, and their axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(1.2 + 4.2 * panels, height), layout="constrained")
    every = list(made.subplots(1, panels, squeeze=False)[0])
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.25)
    return made, every


def band(
    axes: Any, x: Sequence[float], rows: Sequence[Sequence[float]], **style: Any
) -> None:
    """The mean of rows, one per seed, with its standard error shaded."""
    pairs = [mean_and_error(column) for column in zip(*rows, strict=True)]
    mean = np.array([pair[0] for pair in pairs])
    axes.plot(x, mean, **style)
    if len(rows) > 1:
        error = np.array([pair[1] for pair in pairs])
        axes.fill_between(
            x, mean - error, mean + error, color=style["color"], alpha=0.2, lw=0
        )


def save(made: Any, path: Path) -> Path:
    """Writes a figure as PNG."""
    with replacing(path) as file:
        made.savefig(file, format="png", dpi=130)
    return path
