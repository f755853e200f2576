"""Measure the iterations, confidence and accuracy of examples that exit early."""

import collections
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import COLORS, integer_ticks, new_figure, save
from keras_recur._validation import check_positive_int, check_type
from keras_recur.analysis._logits import AnswerLabels
from keras_recur.analysis.iteration_curve import right_answers
from keras_recur.data._batches import batches
from keras_recur.inference import EarlyExitPredictor


@dataclasses.dataclass(frozen=True)
class ExitMetrics:
    """Results of early exit for each example.

    Attributes:
        iterations: Number of iterations of each example.
        right: Whether each example was right in every scored position.
        confidence: Confidence of each example's answer, from 0 to 1.
        stopped: Whether each example met the rule.
        accuracy: Share of examples that were right.
        fixed_accuracy: Share of examples that are right after all iterations.
        max_iterations: Number of iterations after which every example stops.
    """

    iterations: np.ndarray
    right: np.ndarray
    confidence: np.ndarray
    stopped: np.ndarray
    accuracy: float
    fixed_accuracy: float
    max_iterations: int

    @property
    def saved(self) -> float:
        """Share of the iterations that early exit saved."""
        return float(1 - self.iterations.mean() / self.max_iterations)

    def __str__(self):
        return (
            f"{100 * self.accuracy:.1f} % right after {self.iterations.mean():.1f} "
            f"iterations on average ({100 * self.saved:.0f} % saved); after all "
            f"{self.max_iterations}, {100 * self.fixed_accuracy:.1f} %"
        )


def exit_metrics(predictor: EarlyExitPredictor, data: Any) -> ExitMetrics:
    """Score a predictor with and without early exit.

    Args:
        predictor: An `inference.EarlyExitPredictor`.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts. Positions
            with targets below 0 are not scored.

    Returns:
        An `ExitMetrics`.

    Raises:
        ValueError: If `predictor` is not an `EarlyExitPredictor`, or data and labels
            are not valid for `iteration_curve`.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> predictor = keras_recur.inference.EarlyExitPredictor(
    ...     pair.recurrent, "agreement", max_iterations=50
    ... )
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> keras_recur.analysis.exit_metrics(predictor, test).iterations.shape
    (20,)
    """
    if not isinstance(predictor, EarlyExitPredictor):
        raise ValueError(
            "`predictor` must be a keras_recur.inference.EarlyExitPredictor. Received: "
            f"{predictor!r}."
        )
    labels = AnswerLabels(predictor.model)
    columns: list[list[np.ndarray]] = [[], [], [], [], []]
    for x, y in batches(data):
        found = predictor(x)
        target = labels(x, y, found.classes.shape)
        # Keep only the last answers, so that memory does not grow with iterations.
        ((last, _, _),) = collections.deque(predictor.follow(x), maxlen=1)
        row = (
            found.iterations,
            right_answers(found.classes, target),
            found.confidence,
            found.stopped,
            right_answers(np.argmax(last, axis=-1), target),
        )
        for column, values in zip(columns, row, strict=True):
            column.append(values)
    iterations, hits, sure, stopped, fixed = map(np.concatenate, columns)
    return ExitMetrics(
        iterations,
        hits,
        sure,
        stopped,
        float(hits.mean()),
        float(fixed.mean()),
        predictor.max_iterations,
    )


def plot_exit_metrics(
    metrics: ExitMetrics, trained: int | None = None, path: str | Path | None = None
) -> Any:
    """Plot histograms of the iterations and the confidence at which examples stopped.

    Args:
        metrics: Result of `exit_metrics`.
        trained: Number of trained iterations, which are shaded. Defaults to `None`
            (no shading).
        path: PNG file to write. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `metrics` or `trained` has an invalid value.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> predictor = keras_recur.inference.EarlyExitPredictor(
    ...     pair.recurrent, "agreement", max_iterations=9
    ... )
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.exit_metrics(predictor, test)
    >>> figure = keras_recur.analysis.plot_exit_metrics(found, trained=4)
    """
    check_type("metrics", metrics, ExitMetrics, "an ExitMetrics")
    if trained is not None:
        trained = check_positive_int("trained", trained)
    figure, (left, right) = new_figure(2, size=(7.6, 3.4), grid=False)
    colors = {"right": COLORS[0], "wrong": COLORS[1]}
    groups = {"right": metrics.right, "wrong": ~metrics.right}
    bins = np.arange(0.5, metrics.max_iterations + 1.5)
    if metrics.max_iterations > 60:
        bins = np.linspace(0.5, metrics.max_iterations + 0.5, 60)
    if trained:
        left.axvspan(0.5, trained + 0.5, color="0.9", lw=0, zorder=0)
    sure = metrics.confidence
    edges = np.linspace(min(float(sure.min()), 0.98), 1, 30)
    for axes, values, at in (
        (left, metrics.iterations, bins),
        (right, np.clip(sure, edges[0], 1), edges),
    ):
        axes.hist(
            [values[chosen] for chosen in groups.values()],
            bins=at,
            stacked=True,
            color=[colors[name] for name in groups],
            label=list(groups),
        )
        integer_ticks(axes.yaxis)
    left.set_xlabel("iterations run" + (" (shaded: trained)" * bool(trained)))
    left.set_ylabel("examples")
    integer_ticks(left.xaxis)
    left.set_xlim(0.5, metrics.max_iterations + 0.5)
    right.set_xlabel("probability of the answer at the exit")
    left.legend(title="answer", frameon=False, fontsize=8)
    figure.suptitle(str(metrics), fontsize=10)
    return save(figure, path)
