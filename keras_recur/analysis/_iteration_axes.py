"""Figure and axes that plots over iterations share."""

from typing import Any

from keras_recur._validation import check_positive_int


def iteration_axes(last: int, trained: int | None, label: str) -> tuple[Any, Any]:
    """A figure and its axes: iterations 1 to `last`, per cent, the trained shaded."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if trained is not None:
        check_positive_int("trained", trained)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    if trained is not None:
        axes.axvspan(0.5, trained + 0.5, color="0.9", lw=0, zorder=0)
        axes.text(0.6, 103, "trained", va="top", fontsize=8, color="0.4")
    axes.set_xlim(0.5, last + 0.5)
    axes.set_ylim(-2, 104)
    axes.set_xlabel("iterations")
    axes.set_ylabel(f"{label} (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    return figure, axes
