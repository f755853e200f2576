"""Common style of all plots. Matplotlib is imported only when a figure is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._files import check_path, replacing

COLORS = ("#1f6fb2", "#d1662b", "#2a8f5a", "#7a5195", "#b23a48", "#8a6d1d")
_TWIN_COLORS = {
    "recurrent": COLORS[0],
    "feedforward": COLORS[1],
    "regularized": COLORS[2],
    "one average": "#b8467c",
}
_LABELS = {
    "recurrent": "recurrent",
    "feedforward": "feed-forward twin",
    "regularized": "regularized recurrent",
    "one average": "recurrent, one average for all iterations",
}


def label(network: str) -> str:
    """Return the name of a network in tables and legends."""
    name, comma, stage = network.partition(",")
    return _LABELS.get(name, name) + comma + stage


def color_of(network: str) -> str:
    """Return the color of a network, which is the same in all plots."""
    return _TWIN_COLORS.get(network.partition(",")[0], COLORS[3])


def line_style(network: str) -> dict[str, Any]:
    """Return color and line style, dashed for the twin and folded networks."""
    name, _, stage = network.partition(", ")
    dashed = stage == "folded" or name == "feedforward"
    return {"color": color_of(network), "linestyle": "--" if dashed else "-"}


def new_figure(
    columns: int = 1,
    rows: int = 1,
    size: tuple[float, float] | None = None,
    grid: bool = True,
    title: str = "",
    **layout: Any,
) -> tuple[Any, list[Any]]:
    """Return a new figure and its axes, row by row; `size` is in inches."""
    from matplotlib.figure import Figure

    if size is None:
        size = (7.2 if columns == 1 else 1.2 + 4.2 * columns, 4.2 * rows)
    figure = Figure(figsize=size, layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    panels = list(figure.subplots(rows, columns, squeeze=False, **layout).flat)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        if grid:
            axes.grid(axis="y", alpha=0.25)
    return figure, panels


def percent_axis(axes: Any, name: str) -> None:
    """Scale the vertical axis from 0 to 100 %, with room for a label above."""
    axes.set_ylim(-2, 110)
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel(f"{name} (%)")


def mark_trained(axes: Any, trained: int) -> None:
    """Shade and label the trained iterations in a plot with a `percent_axis`."""
    axes.axvspan(0.5, trained + 0.5, color="0.92", lw=0, zorder=0)
    axes.text(0.7, 109, "trained", va="top", fontsize=8, color="0.4")


def integer_ticks(*axes: Any) -> None:
    """Place the ticks of `axes.xaxis` or `axes.yaxis` at integers."""
    from matplotlib.ticker import MaxNLocator

    for axis in axes:
        axis.set_major_locator(MaxNLocator(integer=True))


def band(
    axes: Any, x: Any, rows: Sequence[Sequence[float | None]], **style: Any
) -> None:
    """Draw the mean of `rows`, one per seed, and shade its standard error."""
    shortest = min(map(len, rows))
    values = np.asarray([row[:shortest] for row in rows], dtype=float)
    mean, x = values.mean(axis=0), x[:shortest]
    axes.plot(x, mean, **style)
    if len(values) > 1:
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        shade = {"color": style["color"], "alpha": 0.2, "lw": 0}
        axes.fill_between(x, mean - error, mean + error, **shade)


def save(figure: Any, path: str | Path | None) -> Any:
    """Write a figure as a PNG file if `path` is given, and return the figure."""
    if path is not None:
        with replacing(check_path("path", path)) as file:
            figure.savefig(file, format="png", dpi=130)
    return figure
