"""Plot accuracy by a number of each example."""

from pathlib import Path
from typing import Any

from keras_recur._plot_style import COLORS, new_figure, percent_axis, save
from keras_recur._validation import check_string, check_type
from keras_recur.analysis.accuracy_by import AccuracyBy


def plot_accuracy_by(
    found: AccuracyBy,
    name: str = "group",
    path: str | Path | None = None,
) -> Any:
    """Plot a result of `accuracy_by`, with the number of examples below each group.

    Args:
        found: An `AccuracyBy`.
        name: Name of the numbers on the horizontal axis. Defaults to `"group"`.
        path: PNG file to write. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `found` is not an `AccuracyBy`, or `name` is empty.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> ones = keras_recur.analysis.accuracy_by(
    ...     pair.recurrent, test, lambda x, y: x.sum()
    ... )
    >>> figure = keras_recur.analysis.plot_accuracy_by(ones, "ones in the string")
    """
    check_type("found", found, AccuracyBy, "an AccuracyBy")
    check_string("name", name)
    figure, (scores, counts) = new_figure(
        rows=2, size=(7.2, 4.6), sharex=True, height_ratios=(3, 1)
    )
    scores.plot(found.groups, 100 * found.accuracy, color=COLORS[0], marker="o")
    percent_axis(scores, "accuracy")
    gaps = [b - a for a, b in zip(found.groups, found.groups[1:], strict=False)]
    width = 0.8 * min(gaps, default=1)
    counts.bar(found.groups, found.examples, width, color=COLORS[0], alpha=0.4)
    counts.set_ylabel("examples")
    counts.set_xlabel(name)
    return save(figure, path)
