"""Plot whether a loop settles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import (
    COLORS,
    band,
    new_figure,
    percent_axis,
    save,
)
from keras_recur._validation import check_string, check_type
from keras_recur.analysis.settling import Settling

_FLOOR = 1e-9  # Smaller changes, and zero, are drawn here.


def plot_settling(
    settling: Settling | Sequence[Settling],
    score: str = "accuracy",
    path: str | Path | None = None,
    title: str = "",
) -> Any:
    """Plot results of `settling`: accuracy, change of the states, and their ends.

    The panels show the score after each number of iterations, the relative change of
    the state (median, and the 10th to 90th percentile of one result), and the shares of
    examples that end in a fixed point, a cycle, neither, or that diverge.

    Args:
        settling: A `Settling`, or a list of them with the same iterations, one per
            seed. Scores and shares of several are means with standard errors.
        score: Name of the scores on the axis. Defaults to `"accuracy"`.
        path: PNG file to write. Defaults to `None`.
        title: Title of the figure. Defaults to `""` (none).

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no result, or if results have different iterations.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.settling(pair.recurrent, test, multiples=(1, 4))
    >>> figure = keras_recur.analysis.plot_settling(found)
    """
    seeds = _checked(settling)
    check_string("score", score)
    check_type("title", title, str, "a string")
    sizes = {"size": (11.5, 3.8), "width_ratios": (3, 3, 2)}
    figure, (scores, changes, ends) = new_figure(3, title=title, **sizes)
    x, trained = seeds[0].iterations, seeds[0].trained
    for axes in (scores, changes):
        axes.set_xscale("log")
        axes.set_xlim(0.9, 1.1 * x[-1])
        axes.axvspan(0.9, trained, color="0.92", lw=0, zorder=0)
        _whole_numbers(axes, [m * trained for m in seeds[0].multiples])
        axes.set_xlabel("iterations")
    percent_axis(scores, score)
    scores.text(0.95, 109, "trained", va="top", fontsize=8, color="0.4")
    band(scores, x, [list(100 * s.accuracy) for s in seeds], color=COLORS[0])
    _draw_changes(changes, x, seeds)
    _draw_ends(ends, seeds)
    return save(figure, path)


def _checked(settling):
    if isinstance(settling, Settling):
        return [settling]
    if not isinstance(settling, list | tuple) or not settling:
        raise ValueError(
            "`settling` must be a Settling or a list of them. Received: "
            f"settling={settling!r}."
        )
    for i, one in enumerate(settling):
        check_type(f"settling[{i}]", one, Settling, "a Settling")
        if not np.array_equal(one.iterations, settling[0].iterations):
            raise ValueError(
                "All results in `settling` must have the same iterations. Received: "
                f"{settling[0].iterations.tolist()} and {one.iterations.tolist()}."
            )
    return list(settling)


def _whole_numbers(axes, marks):
    """Label the measured multiples, which are the ticks of the logarithmic axis."""
    from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter

    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_changes(axes, x, seeds):
    axes.set_yscale("log")
    for one in seeds:
        low, median, high = np.maximum(one.changes, _FLOOR)
        axes.plot(x, median, color=COLORS[0], lw=1.5 if len(seeds) == 1 else 0.9)
        if len(seeds) == 1:
            axes.fill_between(x, low, high, color=COLORS[0], alpha=0.2, lw=0)
    axes.axhline(seeds[0].tolerance, color="0.4", ls=":", lw=1)
    axes.set_ylabel("relative change of the state")


def _draw_ends(axes, seeds):
    """Draw the shares as bars, with the periods of the cycles below their name."""
    shares = {
        "fixed\npoint": [s.fixed_points for s in seeds],
        "cycle": [sum(s.cycles.values()) for s in seeds],
        "neither": [s.neither for s in seeds],
        "diverged": [s.diverged for s in seeds],
    }
    if not any(shares["diverged"]):
        del shares["diverged"]
    values = 100 * np.array(list(shares.values()))
    errors = None
    if len(seeds) > 1:
        errors = values.std(axis=1, ddof=1) / np.sqrt(len(seeds))
    place, means = np.arange(len(values)), values.mean(axis=1)
    bars = axes.bar(
        place, means, 0.7, color=COLORS[: len(values)], yerr=errors, capsize=3
    )
    axes.bar_label(bars, [f"{mean:.0f}" for mean in means], fontsize=8, padding=3)
    periods = sorted({period for s in seeds for period in s.cycles})
    names = list(shares)
    if periods:
        names[1] += f"\nof {', '.join(map(str, periods))}"
    axes.set_xticks(place, names)
    percent_axis(axes, "examples")
