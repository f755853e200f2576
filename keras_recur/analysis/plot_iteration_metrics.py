"""Plot the accuracy of classes and superclasses over iterations."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import COLORS, save
from keras_recur._validation import check_type
from keras_recur.analysis._iteration_axes import iteration_axes
from keras_recur.analysis.iteration_metrics import IterationMetrics


def plot_iteration_metrics(
    metrics: IterationMetrics,
    trained: int | None = None,
    path: str | Path | None = None,
) -> Any:
    """Plot a result of `iteration_metrics` over the iterations.

    Args:
        metrics: An `IterationMetrics`. Superclass values are drawn if there are any.
        trained: Number of trained iterations, which are shaded. Defaults to `None`
            (no shading).
        path: PNG file to write. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `metrics` or `trained` has an invalid value.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508), section 4.2.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.iteration_metrics(pair.recurrent, test, 6)
    >>> figure = keras_recur.analysis.plot_iteration_metrics(found, trained=3)
    """
    check_type("metrics", metrics, IterationMetrics, "an IterationMetrics")
    figure, axes = iteration_axes(len(metrics.accuracy), trained, "examples")
    coarse = metrics.coarse_accuracy is not None
    lines = [
        ("class right" if coarse else "right", metrics.accuracy, COLORS[0], "-"),
        ("superclass right", metrics.coarse_accuracy, COLORS[2], "-"),
        ("superclass right where the class is wrong", metrics.compliance, "0.35", ":"),
    ]
    for name, values, color, line in lines:
        if values is not None:
            steps = np.arange(1, len(values) + 1)
            axes.plot(steps, 100 * values, color=color, ls=line, marker=".", label=name)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    return save(figure, path)
