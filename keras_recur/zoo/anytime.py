"""Prediction that stops where it is sure, and saves the time."""

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_recur._validation import check_integer, check_one_of, check_positive_int
from keras_recur.layers import Readout, confidence
from keras_recur.zoo.stepwise import Stepwise
from keras_recur.zoo.stop_rule import StopRule

_POLICIES = ("last", "mean", "confident")


@dataclasses.dataclass(frozen=True)
class AnytimePrediction:
    """What an `Anytime` predictor answered.

    Attributes:
        logits: `(examples, ..., classes)`.
        iterations: Of each example, how many were run.
        stopped: Of each example, whether the rule was met; else it was stopped at the
            maximum.
        confidence: Of each example, how sure its answer is.
    """

    logits: np.ndarray
    iterations: np.ndarray
    stopped: np.ndarray
    confidence: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The most likely class, of every position."""
        return np.argmax(self.logits, axis=-1)

    def __str__(self):
        late = int((~self.stopped).sum())
        return (
            f"{len(self.iterations)} examples, {self.iterations.mean():.1f} iterations "
            f"on average ({self.iterations.min()} to {self.iterations.max()}); "
            f"{late} were stopped at the maximum"
        )


def anytime(
    model: keras.Model,
    rule: StopRule | str,
    maximum: int | None = None,
    minimum: int = 1,
    policy: str = "last",
) -> "Anytime":
    """A predictor that runs every example for as long as a rule asks for.

    Args:
        model: A model with a `SharedRecurrentBlock` and a `Readout`, as the zoo builds
            them.
        rule: A `StopRule`, or the name of a kind of it.
        maximum: Iterations after which every example is stopped. Default: as the model
            was built. Where all iterations share their weights it may be more.
        minimum: Iterations that every example runs. Default 1.
        policy: What is answered: `"last"` (default), the answer after the example's
            last iteration; `"mean"`, the mean of its logits; `"confident"`, its answer
            that was most sure.

    Returns:
        An `Anytime`, to be called on inputs.

    Raises:
        ValueError: for a model without readouts at every iteration, a maximum above
            what its weights allow, and a minimum above the maximum.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> predictor = keras_recur.zoo.anytime(pair.recurrent, "agreement", maximum=20)
    >>> found = predictor(np.zeros((3, 16, 1), "float32"))
    >>> found.classes.shape, bool((found.iterations <= 20).all())
    ((3, 16), True)
    """
    return Anytime(model, rule, maximum, minimum, policy)


class Anytime:
    """What `anytime` returns; call it on inputs.

    Examples that are done leave the batch: once half of the batch is done, the rest is
    gathered into one of half the size (on PyTorch at once, since nothing must be
    compiled for another size). The loop ends when all are done.
    """

    def __init__(
        self,
        model: keras.Model,
        rule: StopRule | str,
        maximum: int | None = None,
        minimum: int = 1,
        policy: str = "last",
    ):
        if not any(isinstance(la, Readout) for la in getattr(model, "layers", ())):
            raise ValueError(
                "Stopping early needs a model that can be read out at every iteration. "
                f"Received: {getattr(model, 'name', model)!r}, which has no Readout "
                "layer. Put its head into keras_recur.layers.Readout(head)."
            )
        self.steps = Stepwise(model)
        self.rule = StopRule(rule) if isinstance(rule, str) else rule
        if not isinstance(self.rule, StopRule):
            raise ValueError(
                f"`rule` must be a StopRule or the name of one. Received: rule={rule!r}"
            )
        maximum = self.steps.iterations if maximum is None else maximum
        self.maximum = check_positive_int("maximum", maximum)
        if self.steps.limit and self.maximum > self.steps.limit:
            raise ValueError(
                f"`maximum` can be at most {self.steps.limit} here: there are no "
                f"weights for more iterations. Received: maximum={maximum}."
            )
        self.minimum = check_integer("minimum", minimum, 1)
        if self.minimum > self.maximum:
            raise ValueError(
                "`minimum` must not be above the maximum. Received: "
                f"minimum={minimum}, maximum={self.maximum}."
            )
        self.policy = check_one_of("policy", policy, _POLICIES)

    def __call__(self, x: Any, batch_size: int | None = None) -> AnytimePrediction:
        """Predicts.

        Args:
            x: Inputs, or a list of arrays where the model has several.
            batch_size: Examples at a time. Default: all.

        Returns:
            An `AnytimePrediction`. Warns if no example met the rule.
        """
        count = len(tree.flatten(x)[0])
        size = (
            count
            if batch_size is None
            else check_positive_int("batch_size", batch_size)
        )
        if not count:
            raise ValueError("`x` has no examples to predict.")
        parts = [
            self._batch(tree.map_structure(lambda a, i=i: a[i : i + size], x))
            for i in range(0, count, size)
        ]
        found = AnytimePrediction(
            *(np.concatenate(column) for column in zip(*parts, strict=True))
        )
        if not found.stopped.any():
            warnings.warn(
                f"The rule {self.rule} was met by none of {count} examples: all were "
                f"stopped at the maximum of {self.maximum} iterations.",
                stacklevel=2,
            )
        return found

    def _batch(self, x):
        steps = self.steps
        state, shown = steps.start(x)
        held = self._program("hold", self._hold)(state)
        rows = np.arange(
            len(tree.flatten(x)[0])
        )  # Which example; -1 is a finished one.
        run = np.zeros(len(rows), int)  # For how many iterations the rule was met.
        iterations = np.zeros(len(rows), int)
        stopped = np.zeros(len(rows), bool)
        sure = np.zeros(len(rows), "float32")
        logits: Any = None
        for t in range(self.maximum):
            judge = self._program("judge", self._judge, t)
            state, held, answer, signal, certain = judge(state, shown, held)
            met = self.rule.met(array(signal)) & (t + 1 >= self.rule.earliest)
            run = np.where(met, run + 1, 0)
            fired = (run >= self.rule.patience) & (t + 1 >= self.minimum)
            done = (fired | (t + 1 == self.maximum)) & (rows >= 0)
            if done.any():
                answers = array(answer)
                if logits is None:
                    logits = np.zeros((len(iterations), *answers.shape[1:]), "float32")
                logits[rows[done]] = answers[done]
                iterations[rows[done]] = t + 1
                stopped[rows[done]] = fired[done]
                sure[rows[done]] = array(certain)[done]
                rows = np.where(done, -1, rows)
            active = np.flatnonzero(rows >= 0)
            if not len(active):
                break
            size = self._size(len(active), len(rows))
            if size < len(rows):
                padding = np.full(size - len(active), active[0])
                kept = np.concatenate([active, padding])
                state, shown, held = take([state, shown, held], kept)
                rows = np.where(np.arange(size) < len(active), rows[kept], -1)
                run = run[kept]
        return logits, iterations, stopped, sure

    def follow(self, x: Any) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Runs a batch to the maximum, whatever the rule says.

        Args:
            x: Inputs.

        Yields:
            After each iteration the logits that would be answered, and of each example
            the rule's signal and how sure the answer is.
        """
        state, shown = self.steps.start(x)
        held = self._program("hold", self._hold)(state)
        for t in range(self.maximum):
            judge = self._program("judge", self._judge, t)
            state, held, answer, signal, certain = judge(state, shown, held)
            yield array(answer), array(signal), array(certain)

    def _program(self, name, function, number=None):
        """Compiled once for rules of one kind: thresholds are not part of it."""
        key = (name, self.rule.kind, self.rule.positions, self.policy)
        return self.steps.program(key, function, number)

    def _size(self, active: int, size: int) -> int:
        """Of the batch that goes on: another size is another program."""
        if keras.backend.backend() == "torch":
            return active
        while size >= 2 * active:
            size = (size + 1) // 2
        return size

    def _hold(self, state):
        """What is carried besides the state: the rule's memory and the policy's."""
        logits = self.steps.answer(state)
        logits = ops.cast(logits, "float32")
        best = ops.zeros_like(logits)
        return self.rule.memory(state, logits), best, ops.zeros_like(confidence(logits))

    def _judge(self, state, shown, held, start, iterations):
        """One iteration, what is answered behind it, and what the rule sees."""
        memory, best, surest = held
        after = self.steps.go_on(state, shown, start, iterations)
        logits = ops.cast(self.steps.answer(after), "float32")
        signal, memory = self.rule.signal(memory, list(state), after, logits)
        certain = confidence(logits, self.rule.positions)
        answer = logits
        if self.policy == "mean":
            number = ops.cast(start, "float32")
            answer = best = (best * number + logits) / (number + 1.0)
            certain = confidence(answer, self.rule.positions)
        elif self.policy == "confident":
            better = certain > surest
            ones = [1] * (len(logits.shape) - 1)
            better = ops.reshape(better, (-1, *ones))
            answer = best = ops.where(better, logits, best)
            certain = surest = ops.maximum(certain, surest)
        return after, (memory, best, surest), answer, signal, certain


def array(x: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


def take(nest: Any, rows: Sequence[int] | np.ndarray) -> Any:
    """The examples of these rows, of every tensor of a nest."""
    rows = ops.convert_to_tensor(rows, "int32")
    return tree.map_structure(lambda x: ops.take(x, rows, axis=0), nest)
