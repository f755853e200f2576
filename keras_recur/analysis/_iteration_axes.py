"""Figure and axes that plots over iterations share."""

from typing import Any

from keras_recur._plot_style import (
    integer_ticks,
    mark_trained,
    new_figure,
    percent_axis,
)
from keras_recur._validation import check_positive_int


def iteration_axes(last: int, trained: int | None, label: str) -> tuple[Any, Any]:
    """Return a figure and its axes: percent over iterations 1 to `last`."""
    if trained is not None:
        check_positive_int("trained", trained)
    figure, (axes,) = new_figure()
    if trained is not None:
        mark_trained(axes, trained)
    axes.set_xlim(0.5, last + 0.5)
    percent_axis(axes, label)
    axes.set_xlabel("iterations")
    integer_ticks(axes.xaxis)
    return figure, axes
