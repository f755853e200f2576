"""Plot how states move, and how their disturbances grow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import (
    band,
    integer_ticks,
    label,
    new_figure,
    save,
)
from keras_recur._validation import check_type
from keras_recur.analysis._by_network import by_network, legend_below, style_of
from keras_recur.analysis.dynamics import Dynamics

_FLOOR = 1e-9  # Smaller changes, and zero, are drawn here.


def plot_dynamics(
    found: Mapping[str, Dynamics | Sequence[Dynamics]],
    path: str | Path | None = None,
    title: str = "",
) -> Any:
    """Plot results of `dynamics`: the change of the state, its direction, and growth.

    The panels show the relative change of the state in each iteration, the cosine of
    two steps in succession, and the factor by which a small disturbance grows, which is
    below 1 in a contraction. Networks whose name begins with "untrained" are gray.

    Args:
        found: A `Dynamics` by the name of its network, such as `"recurrent"` and
            `"feedforward"`, or a list of them, one per seed. Changes are the median and
            the 10th to 90th percentile over examples of one result; lines of several
            seeds are means with standard errors.
        path: PNG file to write. Defaults to `None`.
        title: Title of the figure. Defaults to `""` (none).

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no result, or if results of one network have different
            iterations.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.dynamics(pair.recurrent, test)
    >>> figure = keras_recur.analysis.plot_dynamics({"recurrent": found})
    """
    networks = by_network(
        found, Dynamics, lambda one: len(one.growth), "number of iterations"
    )
    check_type("title", title, str, "a string")
    figure, panels = new_figure(3, size=(11.5, 3.8), title=title)
    change, cosine, growth = panels
    for name, seeds in networks.items():
        style: dict[str, Any] = {"marker": "o", "ms": 4, **style_of(name)}
        count = len(seeds[0].growth)
        x = np.arange(1, count + 1)
        medians = [np.maximum(one.change[1], _FLOOR) for one in seeds]
        band(change, x, medians, label=label(name), **style)
        if len(seeds) == 1:
            low, _, high = np.maximum(seeds[0].change, _FLOOR)
            change.fill_between(x, low, high, color=style["color"], alpha=0.2, lw=0)
        band(cosine, x[1:], [one.cosine for one in seeds], **style)
        band(growth, x, [np.maximum(one.growth, _FLOOR) for one in seeds], **style)
    last = max(len(seeds[0].growth) for seeds in networks.values())
    for axes in panels:
        axes.set_xlim(0.5, last + 0.5)
        axes.set_xlabel("iteration")
        integer_ticks(axes.xaxis)
    change.set_yscale("log")
    change.set_ylabel("relative change of the state")
    cosine.set_ylim(-1.05, 1.05)
    cosine.axhline(0, color="0.4", ls=":", lw=1)
    cosine.set_ylabel("cosine with the step before")
    growth.set_yscale("log")
    growth.axhline(1, color="0.4", ls=":", lw=1)
    growth.set_ylabel("growth of a disturbance")
    for axes in (change, growth):
        _plain_numbers(axes.yaxis)
    legend_below(figure, networks)
    return save(figure, path)


def _plain_numbers(axis):
    """Label a logarithmic axis that may span less than one power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
