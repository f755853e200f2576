"""Plot of the score over iterations at equal costs."""

from typing import Any

import numpy as np

from keras_recur._plot_style import new_figure
from keras_recur._validation import check_one_of
from keras_recur.tuning._equal_costs import (
    by_iterations,
    equal_groups,
    kept_to_one_amount,
)
from keras_recur.tuning._names import look, sharing_label, sharings, span
from keras_recur.tuning._plot_parts import check_result, legend, title
from keras_recur.tuning.search_result import SearchResult

_COSTS = {"macs": "MACs", "parameters": "parameters"}


def plot_equal_costs(result: SearchResult, cost: str = "macs") -> Any:
    """Plot the score over iterations for the three largest groups of equal cost.

    The costs of a group differ by at most 15 %.

    Args:
        result: Result of the search.
        cost: `"macs"` or `"parameters"`. Defaults to `"macs"`.

    Returns:
        A `matplotlib.figure.Figure`, or `None` if no such group exists.

    Raises:
        ValueError: If `cost` is unknown.

    Example:

    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> rows = [
    ...     {"configuration": f"w{width}-t{steps}-all", "width": width,
    ...      "iterations": steps, "sharing": "all", "macs": steps * width**2,
    ...      "seed": 0, "status": "finished", "accuracy": 1 - 1 / width}
    ...     for width, steps in ((4, 4), (8, 1))
    ... ]
    >>> result = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, rows)
    >>> figure = keras_recur.tuning.plot_equal_costs(result)
    """
    check_result(result)
    check_one_of("cost", cost, _COSTS)
    every = result.configurations()
    one_amount = cost == "macs" and kept_to_one_amount(result.content)
    groups = equal_groups(every, cost, one_amount)
    if cost == "parameters":  # Without twins, such groups have one width each.
        groups = [group for group in groups if len(sharings(group)) > 1]
    groups = sorted(groups[:3], key=lambda group: group[0][cost])
    if not groups:
        return None
    kinds = sharings(every)
    size = max(6.4, 1.2 + 2.8 * len(groups)), 4
    figure, panels = new_figure(len(groups), size=size, sharey=True)
    for axes, group in zip(panels, groups, strict=True):
        for kind in kinds:
            found = by_iterations(group, kind)
            if found:
                axes.errorbar(
                    [c["iterations"] for c in found],
                    [100 * c["accuracy"] for c in found],
                    [100 * (c["standard_error"] or 0) for c in found],
                    capsize=3,
                    ms=5,
                    ls="--" if kind == "none" else "-",
                    label=sharing_label(kind),
                    **look(kind, kinds),
                )
        steps = sorted({c["iterations"] for c in group})
        axes.set_xscale("log", base=2)
        names = [f"{t}\n{_widths(group, t)}" for t in steps]
        room = _with_room(steps, 12 if len(groups) == 1 else 6)
        names = [
            name if t in room else "" for name, t in zip(names, steps, strict=True)
        ]
        axes.set_xticks(steps, names, fontsize=8)
        axes.set_xticks([], minor=True)
        axes.margins(x=0.1)
        axes.set_title(f"{span(group, cost)} {_COSTS[cost]}", fontsize=10)
        axes.set_xlabel("iterations, and width (w)")
    panels[0].set_ylabel(f"validation {result.score} (%)")
    legend(figure, kinds)
    figure.suptitle(title(result), x=0.01, ha="left", fontsize=11)
    return figure


def _with_room(steps, most):
    """Return the numbers whose labels fit on a logarithmic axis."""
    least = np.log(steps[-1] / steps[0]) / most
    found = [steps[0], steps[-1]]
    for step in steps[1:-1]:
        if all(abs(np.log(step / other)) >= least for other in found):
            found.append(step)
    return found


def _widths(group, iterations):
    found = [c["width"] for c in group if c["iterations"] == iterations]
    few, many = min(found), max(found)
    return f"w {few}" if few == many else f"w {few}-{many}"
