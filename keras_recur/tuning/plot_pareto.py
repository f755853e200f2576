"""Plot of the score against costs, with Pareto fronts."""

from typing import Any

import numpy as np

from keras_recur._plot_style import new_figure
from keras_recur.tuning._labels import place_labels
from keras_recur.tuning._names import look, sharing_label, sharings, short_name
from keras_recur.tuning._plot_parts import (
    amount_axis,
    check_result,
    legend,
    title,
)
from keras_recur.tuning.search_result import SearchResult

_COST_NAMES = {
    "macs": "MACs of one example",
    "parameters": "parameters",
    "activation_bytes": "activations of one training example",
    "peak_memory": "peak memory",
}


def plot_pareto(result: SearchResult) -> Any:
    """Plot the score against MACs, parameters and memory, with Pareto fronts.

    Networks on a front are named by width and iterations, as `w32 t8`.

    Args:
        result: Result of the search.

    Returns:
        A `matplotlib.figure.Figure`, or `None` if no run has finished.

    Example:

    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> rows = [
    ...     {"configuration": f"w{width}-t{steps}-all", "width": width,
    ...      "iterations": steps, "sharing": "all", "macs": steps * width**2,
    ...      "seed": 0, "status": "finished", "accuracy": 1 - 1 / width}
    ...     for width, steps in ((4, 4), (8, 1))
    ... ]
    >>> result = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, rows)
    >>> figure = keras_recur.tuning.plot_pareto(result)
    """
    check_result(result)
    every = result.configurations()
    kinds = sharings(every)
    costs = [key for key in _COST_NAMES if any(c[key] for c in every)]
    if not costs or not any(c["finished"] for c in every):
        return None
    columns = min(2, len(costs))
    lines = -(-len(costs) // columns)
    size = 4.8 * columns, 0.7 + 3.6 * lines
    figure, panels = new_figure(columns, lines, size, sharey=True)
    later = []
    for axes, cost in zip(panels, costs, strict=False):
        known = [c for c in every if c[cost]]
        front = [c for c in result.pareto(cost) if c[cost]]
        corners = _corners(front, cost, max(c[cost] for c in known))
        axes.plot(*zip(*corners, strict=True), color="0.55", lw=1.2, zorder=1)
        for kind in kinds:
            _draw_points(axes, [c for c in known if c["sharing"] == kind], cost, kinds)
        unit = "B" if cost in ("activation_bytes", "peak_memory") else ""
        amount_axis(axes, [c[cost] for c in known], unit)
        axes.set_xlabel(_COST_NAMES[cost])
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(f"validation {result.score} (%)")
        places = [place for c in known for place in _error_bar(c, cost)]
        names = [
            (
                c[cost],
                100 * c["accuracy"],
                short_name(c),
                look(c["sharing"], kinds)["color"],
            )
            for c in front
        ]
        later.append((axes, names, places, corners))
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high + 0.12 * (high - low))
    legend(figure, kinds, next(iter(panels[len(costs) :]), None))
    figure.suptitle(title(result), x=0.01, ha="left", fontsize=11)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, names, places, corners in later:
        place_labels(axes, names, places, corners)
    return figure


def _corners(front, cost, last):
    corners: list[tuple[float, float]] = []
    for found in front:
        if corners:
            corners.append((found[cost], corners[-1][1]))
        corners.append((found[cost], 100 * found["accuracy"]))
    return [*corners, (last, corners[-1][1])]


def _error_bar(found, cost):
    error = found["standard_error"] or 0
    return [
        (found[cost], 100 * (found["accuracy"] + step * error))
        for step in np.linspace(-1, 1, 21)
    ]


def _draw_points(axes, found, cost, kinds):
    if found:
        axes.errorbar(
            [c[cost] for c in found],
            [100 * c["accuracy"] for c in found],
            [100 * (c["standard_error"] or 0) for c in found],
            ls="",
            ms=5,
            mec="white",
            mew=0.5,
            elinewidth=1,
            label=sharing_label(found[0]["sharing"]),
            **look(found[0]["sharing"], kinds),
        )
