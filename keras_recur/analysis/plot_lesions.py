"""Plot the accuracy without an iteration, and with two iterations exchanged."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import (
    integer_ticks,
    label,
    new_figure,
    percent_axis,
    save,
)
from keras_recur._validation import check_type
from keras_recur.analysis._by_network import by_network, legend_below, style_of
from keras_recur.analysis.lesions import Lesions

Results = Lesions | Sequence[Lesions]


def plot_lesions(
    found: Mapping[str, Results],
    path: str | Path | None = None,
    title: str = "",
) -> Any:
    """Plot results of `lesions`: accuracy after a lesion, and after a swap.

    Dotted lines are the accuracy of the intact networks. Networks whose name begins
    with "untrained" are gray.

    Args:
        found: A `Lesions` by the name of its network, such as `"recurrent"` and
            `"feedforward"`, or a list of them, one per seed. Bars are the standard
            error over seeds, or that of the paired difference over the examples of one
            result.
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
    >>> found = keras_recur.analysis.lesions(pair.feedforward, test)
    >>> figure = keras_recur.analysis.plot_lesions({"feedforward": found})
    """
    networks = by_network(found, Lesions, lambda one: one.iterations)
    check_type("title", title, str, "a string")
    figure, (lesion, swap) = new_figure(2, title=title)
    for i, (name, seeds) in enumerate(networks.items()):
        style = style_of(name)
        # Points of several networks would hide each other.
        shift = 0.08 * (i - (len(networks) - 1) / 2)
        for axes, measure in ((lesion, "lesion"), (swap, "swap")):
            mean, error = _mean(seeds, measure)
            x = np.arange(1, len(mean) + 1) + shift
            text = label(name) if axes is lesion else None
            axes.errorbar(x, mean, error, marker="o", capsize=3, label=text, **style)
            intact = 100 * np.mean([one.accuracy for one in seeds])
            axes.axhline(intact, color=style["color"], ls=":", lw=1)
    last = max(len(seeds[0].iterations) for seeds in networks.values())
    lesion.set_xlim(0.5, last + 0.5)
    lesion.set_xlabel("skipped iteration")
    integer_ticks(lesion.xaxis)
    swap.set_xlim(0.5, max(last - 0.5, 1.5))
    step = -(-last // 10)
    places = range(1, last, step)
    swap.set_xticks(places, [f"{t}, {t + 1}" for t in places])
    swap.set_xlabel("exchanged iterations")
    for axes in (lesion, swap):
        percent_axis(axes, "accuracy")
    legend_below(figure, networks)
    return save(figure, path)


def _mean(seeds, measure):
    """Return the accuracy in percent and its standard error, per iteration."""
    values = 100 * np.array([getattr(one, measure) for one in seeds])
    if len(seeds) == 1:
        return values[0], 100 * getattr(seeds[0], measure + "_error")
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(seeds))
