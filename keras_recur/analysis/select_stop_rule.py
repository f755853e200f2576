"""Select the threshold of a stop rule on held-out data."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_recur._limits import MAX_ITERATIONS, check_size
from keras_recur._validation import check_number
from keras_recur.analysis._logits import AnswerLabels
from keras_recur.analysis.iteration_curve import right_answers
from keras_recur.data._batches import batches
from keras_recur.inference import EarlyExitPredictor, StopRule

_CANDIDATES = 200


@dataclasses.dataclass(frozen=True)
class StopRuleChoice:
    """Selected stop rule, and its scores on the held-out data.

    Attributes:
        rule: The `StopRule` that needs the fewest iterations.
        accuracy: Share of examples that are right when the rule stops them.
        iterations: Mean number of iterations.
        fixed_accuracy: Share of examples that are right after all iterations.
        max_iterations: Maximum number of iterations.
        candidates: All tried rules, each with its accuracy and mean iterations.
    """

    rule: StopRule
    accuracy: float
    iterations: float
    fixed_accuracy: float
    max_iterations: int
    candidates: list[tuple[StopRule, float, float]]

    def __str__(self):
        return (
            f"{self.rule}: {100 * self.accuracy:.1f} % right after "
            f"{self.iterations:.1f} iterations on average; after all "
            f"{self.max_iterations}, {100 * self.fixed_accuracy:.1f} %"
        )


def select_stop_rule(
    model: keras.Model,
    rule: StopRule | str,
    data: Any,
    accuracy: float | None = None,
    max_iterations: int | None = None,
    min_iterations: int = 1,
) -> StopRuleChoice:
    """Select the threshold that needs the fewest iterations for an accuracy.

    For agreement, the patience is selected. Use data that the network was not trained
    on, and report the result on other data.

    Args:
        model: A model for `inference.EarlyExitPredictor`.
        rule: A `StopRule`, whose threshold is ignored, or the name of its kind.
        data: Held-out batches `(x, y)` in any form that `iteration_curve` accepts.
        accuracy: Share of examples that must be right. Defaults to `None` (the share
            that is right after all iterations).
        max_iterations: As in `inference.EarlyExitPredictor`.
        min_iterations: As in `inference.EarlyExitPredictor`.

    Returns:
        A `StopRuleChoice`.

    Raises:
        ValueError: If no threshold reaches `accuracy`, or data and labels are not valid
            for `iteration_curve`.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> held_out = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.select_stop_rule(
    ...     pair.recurrent, "confidence", held_out
    ... )
    >>> found.accuracy >= found.fixed_accuracy
    True
    """
    labels = AnswerLabels(model)
    if accuracy is not None:
        hint = "It is a share of examples."
        accuracy = check_number("accuracy", accuracy, 0, 1, hint=hint)
    predictor = EarlyExitPredictor(model, rule, max_iterations, min_iterations)
    # The selection runs all iterations.
    check_size("max_iterations", predictor.max_iterations, MAX_ITERATIONS)
    rule = predictor.rule
    signals, rights = [], []
    for x, y in batches(data, "calibrate with"):
        followed, target = [], None
        for logits, measure, _ in predictor.follow(x):
            if target is None:
                target = labels(x, y, np.shape(logits)[:-1])
            hits = right_answers(np.argmax(logits, -1), target)
            followed.append((measure, hits))
        signal, right = (np.stack(part, 1) for part in zip(*followed, strict=True))
        signals.append(signal)
        rights.append(right)
    signal, right = np.concatenate(signals), np.concatenate(rights)
    tried = []
    for candidate in _candidates(rule, signal):
        stop, _ = candidate.exits(signal, min_iterations)
        found = right[np.arange(len(right)), stop - 1]
        tried.append((candidate, float(found.mean()), float(stop.mean())))
    fixed = float(right[:, -1].mean())
    wanted = fixed if accuracy is None else accuracy
    enough = [row for row in tried if row[1] >= wanted]
    if not enough:
        best = max(tried, key=lambda row: row[1])
        raise ValueError(
            f"No rule of kind {rule.kind!r} reaches the requested accuracy. "
            f"Received: accuracy={wanted:.4g}. Nearest: {best[1]:.4g}, with {best[0]}; "
            f"after all {predictor.max_iterations} iterations it is {fixed:.4g}."
        )
    best, reached, iterations = min(enough, key=lambda row: row[2])
    most = predictor.max_iterations
    return StopRuleChoice(best, reached, iterations, fixed, most, tried)


def _candidates(rule, signal):
    """Return rules of the same kind, including ones that all or no examples meet."""
    if rule.kind == "agreement":
        every = range(1, signal.shape[1] + 1)
        return [dataclasses.replace(rule, patience=n) for n in every]
    values = np.unique(signal[np.isfinite(signal) & (signal > 0)].astype(float))
    if len(values) > _CANDIDATES:
        places = np.linspace(0, len(values) - 1, _CANDIDATES).round().astype(int)
        values = values[places]
    # With one of the candidates, no example stops early.
    if rule.kind == "confidence":
        values = np.unique([*np.minimum(values, 1.0), 1.0])
    else:
        values = np.unique([*values, np.finfo("float32").tiny])
    return [dataclasses.replace(rule, threshold=float(v)) for v in values]
