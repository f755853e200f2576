"""Accuracy over iterations as a picture: of classes, and of their superclasses.

Reference: Zamir et al. 2017, "Feedback Networks" (arXiv:1612.09508), whose figures show
that early answers have the superclass right before the class.
"""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._validation import check_positive_int
from keras_recur.analysis.iteration_metrics import IterationMetrics
from keras_recur.training.checkpoint import replacing


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
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if trained is not None:
        check_positive_int("trained", trained)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    if trained is not None:
        axes.axvspan(0.5, trained + 0.5, color="0.9", lw=0, zorder=0)
        axes.text(0.6, 103, "trained", va="top", fontsize=8, color="0.4")
    coarse = metrics.coarse_accuracy is not None
    lines = [
        ("class right" if coarse else "right", metrics.accuracy, "#1f6fb2", "-"),
        ("superclass right", metrics.coarse_accuracy, "#2a8f5a", "-"),
        ("superclass right where the class is wrong", metrics.compliance, "0.35", ":"),
    ]
    for name, values, color, line in lines:
        if values is not None:
            steps = np.arange(1, len(values) + 1)
            axes.plot(steps, 100 * values, color=color, ls=line, marker=".", label=name)
    axes.set_xlim(0.5, len(metrics.accuracy) + 0.5)
    axes.set_ylim(-2, 104)
    axes.set_xlabel("iterations")
    axes.set_ylabel("examples (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    if path is not None:
        with replacing(path) as file:
            figure.savefig(file, format="png", dpi=130)
    return figure
