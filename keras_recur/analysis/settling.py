"""Find out whether a loop settles when it runs on."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_recur._validation import check_number, check_positive_int, check_sequence
from keras_recur.analysis._endless_steps import (
    LongRun,
    endless_steps,
    trained_iterations,
)
from keras_recur.analysis._logits import AnswerLabels
from keras_recur.analysis._plain import as_lists
from keras_recur.analysis.iteration_curve import counter
from keras_recur.data._batches import batches

LONGEST_PERIOD = 8
_NEITHER, _DIVERGED = 0, -1
_POINTS = 48  # Iterations at which a run is measured, besides the multiples.


@dataclasses.dataclass(frozen=True)
class Settling:
    """Scores and states of a loop that runs on after its trained iterations.

    Attributes:
        trained: Number of trained iterations.
        multiples: Multiples of `trained` at which the loop is scored.
        iterations: Numbers of iterations at which the loop is measured. They include
            the multiples.
        accuracy: Score after each of `iterations`, as in `iteration_curve`.
        changes: 10th, 50th and 90th percentile over examples of the relative change of
            the state in an iteration, the norm of the change divided by that of the
            state. The shape is `(3, len(iterations))`. Examples with a state that is
            not finite are left out.
        periods: One number per example: the smallest p such that the last state equals
            the state p iterations earlier, 0 if there is no p of at most 8, and -1 if
            the last state is not finite.
        tolerance: Relative change up to which states count as equal.
    """

    trained: int
    multiples: tuple[int, ...]
    iterations: np.ndarray
    accuracy: np.ndarray
    changes: np.ndarray
    periods: np.ndarray
    tolerance: float

    @property
    def fixed_points(self) -> float:
        """Share of examples whose last state is a fixed point."""
        return float((self.periods == 1).mean())

    @property
    def cycles(self) -> dict[int, float]:
        """Share of examples whose last states repeat, by the period from 2 to 8."""
        found = sorted({int(p) for p in self.periods if p > 1})
        return {p: float((self.periods == p).mean()) for p in found}

    @property
    def neither(self) -> float:
        """Share of examples whose last state is neither fixed nor in a cycle."""
        return float((self.periods == _NEITHER).mean())

    @property
    def diverged(self) -> float:
        """Share of examples whose last state is not finite."""
        return float((self.periods == _DIVERGED).mean())

    def after(self, multiple: int) -> float:
        """Return the score after `multiple` times the trained iterations."""
        if multiple not in self.multiples:
            raise ValueError(
                f"`multiple` must be one of {list(self.multiples)}. Received: "
                f"multiple={multiple!r}."
            )
        place = self.iterations == multiple * self.trained
        return float(self.accuracy[place][0])

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        plain: dict[str, Any] = dataclasses.asdict(self)
        plain["multiples"] = list(self.multiples)
        for name in ("iterations", "accuracy", "changes", "periods"):
            plain[name] = as_lists(plain[name])
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Settling":
        """Return the result from the data of `as_dict`."""
        found = {field.name: plain[field.name] for field in dataclasses.fields(cls)}
        found["multiples"] = tuple(found["multiples"])
        for name in ("iterations", "periods"):
            found[name] = np.asarray(found[name], "int64")
        for name in ("accuracy", "changes"):
            found[name] = np.asarray(found[name], "float64")
        return cls(**found)


def settling(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    multiples: Sequence[int] = (1, 4, 16, 64),
    tolerance: float = 1e-3,
) -> Settling:
    """Run a loop far beyond its trained iterations, and see where its states end.

    The loop runs for the largest multiple of `iterations`. The state of an example is a
    fixed point if its last relative change is at most `tolerance`. It is in a cycle of
    period p if it equals the state p iterations earlier, with the same tolerance. Only
    the last nine states are kept. Padding is left out.

    Args:
        model: A model with a `SharedRecurrentBlock` whose weights are shared by all
            iterations, such as the recurrent networks of the zoo. If it has several
            loops, the last one runs on, and the others keep their iterations.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts.
        iterations: Number of trained iterations. Defaults to `None` (the number the
            model was built with).
        multiples: Multiples of `iterations` at which the accuracy is measured. Defaults
            to `(1, 4, 16, 64)`.
        tolerance: Relative change up to which two states count as equal. Defaults to
            `1e-3`. Slow contractions need a smaller one.

    Returns:
        A `Settling`.

    Raises:
        ValueError: If the model has a state graph or untied weights, if a number is out
            of range, or if the data have an invalid form.

    Reference:
        [Bansal et al. 2022](https://arxiv.org/abs/2202.05826), overthinking;
        [Anil et al. 2022](https://arxiv.org/abs/2211.09961), fixed points and cycles.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.settling(pair.recurrent, test, multiples=(1, 4))
    >>> found.periods.shape, int(found.iterations[-1])
    ((20,), 12)
    """
    steps = endless_steps(model, "`settling`")
    multiples = check_sequence("multiples", multiples, check_positive_int, minimum=1)
    multiples = sorted(set(multiples))
    trained = trained_iterations(steps, iterations, multiples[-1])
    tolerance = check_number("tolerance", tolerance, 0, 1)
    numbers = _numbers(trained, multiples)
    labels, run, count = AnswerLabels(model), LongRun(steps), counter(data)
    sums: Any = 0
    changes, periods = [], []
    for x, y in batches(data):
        answers, moved, last = _run(run, x, numbers)
        target = labels(x, y, answers[0].shape)
        sums = sums + np.array([count(found, target) for found in answers])
        changes.append(moved)
        periods.append(_periods(run, last, tolerance))
    hits, total = sums.T
    return Settling(
        trained,
        tuple(multiples),
        numbers,
        hits / np.maximum(total, 1),
        _percentiles(np.concatenate(changes, axis=1)),
        np.concatenate(periods),
        tolerance,
    )


def _numbers(trained, multiples):
    """Return the measured iterations, evenly spaced on a logarithmic axis."""
    marks = trained * np.array(multiples)
    spaced = np.geomspace(1, marks[-1], _POINTS).round().astype(int)
    return np.unique(np.concatenate([spaced, marks]))


def _run(run, x, numbers):
    """Return answers and changes at the measured iterations, and the last states."""
    last = collections.deque([run.start(x)], maxlen=LONGEST_PERIOD + 1)
    answers, moved, measured = [], [], set(numbers.tolist())
    for t in range(numbers[-1]):
        last.append(run.advance(last[-1], t))
        if t + 1 in measured:
            answers.append(run.classes(last[-1]))
            moved.append(run.change(last[-2], last[-1]))
    return answers, np.array(moved), list(last)


def _periods(run, states, tolerance):
    """Return the period of each example from its last states."""
    *earlier, end = states
    found: Any = None
    for period, state in enumerate(reversed(earlier), start=1):
        change = run.change(state, end)
        if found is None:
            found = np.where(np.isfinite(change), _NEITHER, _DIVERGED)
        found = np.where((found == _NEITHER) & (change <= tolerance), period, found)
    return found


def _percentiles(changes):
    """Return three percentiles over examples, NaN where no change is finite."""
    found = np.full((3, len(changes)), np.nan)
    for i, row in enumerate(changes):
        finite = row[np.isfinite(row)]
        if len(finite):
            found[:, i] = np.percentile(finite, (10, 50, 90))
    return found
