"""Accuracy over iterations as a picture: of classes, and of their superclasses.

Reference: Zamir et al. 2017, "Feedback Networks" (arXiv:1612.09508), whose figures show
that early answers have the superclass right before the class.
"""

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
    """Draws what `iteration_metrics` has found, over the iterations.

    Args:
        metrics: `IterationMetrics`. With a hierarchy, the accuracy of superclasses and
            compliance are drawn too.
        trained: How many iterations were trained: these are shaded. Default: none is.
        path: PNG file to write. Default: none.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: for a `trained` that is no positive integer.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508), section 4.2.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.iteration_metrics(pair.recurrent, test, 6)
    >>> figure = keras_recur.analysis.plot_iteration_metrics(found, trained=3)
    """
    check_type("metrics", metrics, IterationMetrics, "what iteration_metrics returned")
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
