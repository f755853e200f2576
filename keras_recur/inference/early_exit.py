"""Prediction that stops where it is sure, and saves the time."""

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_recur._limits import MAX_COUNT, check_size
from keras_recur._validation import check_integer, check_one_of, check_positive_int
from keras_recur.inference.confidence import confidence
from keras_recur.inference.stepwise import Stepwise, as_tensors
from keras_recur.inference.stop_rule import KINDS, StopRule
from keras_recur.inference.with_iterations import check_one_output, check_readout
from keras_recur.layers._masks import answer_mask

_POLICIES = ("last", "mean", "confident")
_ANSWERS = ("logits", "iterations", "stopped", "confidence")


@dataclasses.dataclass(frozen=True)
class EarlyExitPrediction:
    """Answers of an `EarlyExitPredictor`.

    Attributes:
        logits: `(examples, ..., classes)`.
        iterations: Of each example, how many were run.
        stopped: Of each example, whether the rule was met; else it was stopped at the
            maximum.
        confidence: Of each example, how sure its answer is.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> found = keras_recur.inference.EarlyExitPredictor(pair.recurrent, "agreement", max_iterations=30)(
    ...     np.zeros((3, 16, 1), "float32")
    ... )
    >>> found.iterations.shape == found.stopped.shape == (3,)
    True
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


class EarlyExitPredictor:
    """Predictor that runs every example until a stop rule is met. Call it on inputs.

    Examples that are done leave the batch: once half of the batch is done, the rest is
    gathered into one of half the size (on PyTorch at once, since nothing must be
    compiled for another size). The loop ends when all are done. Where all iterations
    share their weights it is one compiled program between two such gatherings.

    Args:
        model: A model with a `SharedRecurrentBlock` and a `Readout`, as the zoo builds
            them.
        rule: A `StopRule`, or the name of a kind of it.
        max_iterations: Iterations after which every example is stopped. Default: as the model
            was built. Where all iterations share their weights it may be more.
        min_iterations: Iterations that every example runs. Default 1.
        policy: What is answered: `"last"` (default), the answer after the example's
            last iteration; `"mean"`, the mean of its logits; `"confident"`, its answer
            that was most sure.

    Raises:
        ValueError: for a model without readouts at every iteration, a maximum above
            what its weights allow, and a minimum above the maximum.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> predictor = keras_recur.inference.EarlyExitPredictor(pair.recurrent, "agreement", max_iterations=30)
    >>> predictor.max_iterations
    30
    """

    def __init__(
        self,
        model: keras.Model,
        rule: StopRule | str,
        max_iterations: int | None = None,
        min_iterations: int = 1,
        policy: str = "last",
    ):
        check_readout(model, "Stopping early")
        self.model = model
        self.steps = Stepwise(model)
        check_one_output(model, "Stopping early")
        if isinstance(rule, str):
            rule = StopRule(check_one_of("rule", rule, KINDS))
        self.rule = rule
        if not isinstance(self.rule, StopRule):
            raise ValueError(
                "`rule` must be a StopRule or the name of one. Received: "
                f"rule={rule!r} (of type {type(rule).__name__})."
            )
        max_iterations = (
            self.steps.iterations if max_iterations is None else max_iterations
        )
        self.max_iterations = check_size("max_iterations", max_iterations, MAX_COUNT)
        if self.steps.limit and self.max_iterations > self.steps.limit:
            raise ValueError(
                f"`max_iterations` can be at most {self.steps.limit} here: there are no "
                f"weights for more iterations. Received: max_iterations={max_iterations}."
            )
        self.min_iterations = check_integer("min_iterations", min_iterations, 1)
        if self.min_iterations > self.max_iterations:
            raise ValueError(
                "`min_iterations` must not be above the maximum. Received: "
                f"min_iterations={min_iterations}, max_iterations={self.max_iterations}."
            )
        self.policy = check_one_of("policy", policy, _POLICIES)

    def __call__(self, x: Any, batch_size: int | None = None) -> EarlyExitPrediction:
        """Predicts.

        Args:
            x: Inputs, or a list of arrays where the model has several.
            batch_size: Examples at a time. Default: all.

        Returns:
            An `EarlyExitPrediction`. Warns if no example met the rule.
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
        found = EarlyExitPrediction(
            *(np.concatenate(column) for column in zip(*parts, strict=True))
        )
        if not found.stopped.any():
            warnings.warn(
                f"The rule {self.rule} was met by none of {count} examples: all were "
                f"stopped at the maximum of {self.max_iterations} iterations.",
                stacklevel=2,
            )
        return found

    def _batch(self, x):
        count = len(tree.flatten(x)[0])
        rows = np.arange(count)  # Which example each row of the batch is; -1: padding.
        found: list[Any] = []
        shown, run = self._begun(x)
        while True:
            run = self._until(shown, run, self._few(len(rows)))
            done = ~array(run["active"]) & (rows >= 0)
            answered = [array(run[name]) for name in _ANSWERS]
            if not found:
                found = [np.zeros((count, *a.shape[1:]), a.dtype) for a in answered]
            for whole, part in zip(found, answered, strict=True):
                whole[rows[done]] = part[done]
            left = np.flatnonzero(~done & (rows >= 0))
            if not len(left):
                return found
            # The rest, in a smaller batch; what fills it up is done already.
            size = self._size(len(left), len(rows))
            kept = np.concatenate([left, np.full(size - len(left), left[0])])
            rows = np.where(np.arange(size) < len(left), rows[kept], -1)
            number = run.pop("number")
            shown, run = take([shown, run], kept)
            run["active"] = ops.convert_to_tensor(rows >= 0)
            run["number"] = number

    def _begun(self, x):
        """What the block is shown, and all that a run carries from step to step."""
        x = as_tensors(x)
        return self._program("begin", self._begin)(x)

    def _until(self, shown, run, few):
        """Goes on until at most so many examples are active, or at the maximum."""
        limits = self._limits(few)
        if self.steps.limit is None:
            return self._program("until", self._loop)(shown, run, limits)
        for t in range(int(array(run["number"])), self.max_iterations):
            run = self._program("once", self._once, t)(shown, run, limits)
            if array(run["active"]).sum() <= few:
                break
        return run

    def _loop(self, shown, run, limits):
        """The loop as one program: nothing is asked of the host in between."""

        def unfinished(*leaves):
            run = tree.pack_sequence_as(structure, list(leaves))
            active = ops.sum(ops.cast(run["active"], "int32"))
            *_, max_iterations, few = ops.unstack(limits[1], 4)
            return ops.logical_and(active > few, run["number"] < max_iterations)

        def once(*leaves):
            run = tree.pack_sequence_as(structure, list(leaves))
            return tree.flatten(self._once(shown, run, limits, run["number"], 1))

        structure = run
        leaves = ops.while_loop(unfinished, once, tree.flatten(run))
        return tree.pack_sequence_as(structure, list(leaves))

    def _once(self, shown, run, limits, number, iterations):
        """One iteration, and who is done behind it."""
        threshold, counts = limits
        patience, min_iterations, max_iterations, _ = ops.unstack(counts, 4)
        state, held, answer, signal, certain = self._judge(
            run["state"], shown, run["held"], number, iterations
        )
        after = ops.cast(number, "int32") + 1
        met = ops.logical_and(
            self.rule.met(signal, threshold), after >= self.rule.earliest
        )
        met = ops.where(met, run["met"] + 1, 0)
        fired = ops.logical_and(met >= patience, after >= min_iterations)
        done = ops.logical_and(
            run["active"], ops.logical_or(fired, after >= max_iterations)
        )
        broad = ops.reshape(done, (-1, *[1] * (len(answer.shape) - 1)))
        return {
            "number": after,
            "state": state,
            "held": held,
            "met": met,
            "active": ops.logical_and(run["active"], ops.logical_not(done)),
            "logits": ops.where(broad, answer, run["logits"]),
            "iterations": ops.where(done, after, run["iterations"]),
            "stopped": ops.where(done, fired, run["stopped"]),
            "confidence": ops.where(done, certain, run["confidence"]),
        }

    def follow(self, x: Any) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Runs a batch to the maximum, whatever the rule says.

        Args:
            x: Inputs.

        Yields:
            After each iteration the logits that would be answered, and of each example
            the rule's signal and how sure the answer is.
        """
        shown, run = self._begun(x)
        state, held = run["state"], run["held"]
        for t in range(self.max_iterations):
            judge = self._program("judge", self._judge, t)
            state, held, answer, signal, certain = judge(state, shown, held)
            yield array(answer), array(signal), array(certain)

    def _program(self, name, function, number=None):
        """Compiled once for rules of one kind: thresholds are not part of it."""
        key = (name, self.rule.kind, self.rule.reduction, self.policy)
        return self.steps.program(key, function, number)

    def until(
        self, x: Any, threshold: Any = None, patience: Any = None
    ) -> dict[str, Any]:
        """Not compiled: a whole batch as tensors, for a graph of one's own.

        Nothing is asked of the host: the loop ends when all of the batch is done.

        Args:
            x: Inputs, as tensors.
            threshold: A scalar tensor in place of the rule's threshold.
            patience: A scalar tensor in place of the rule's patience.

        Returns:
            A dictionary of `logits`, `iterations`, `stopped` and `confidence`.
        """
        shown, run = self._begin(x)
        run = self._loop(shown, run, self._limits(0, threshold, patience))
        return {name: run[name] for name in _ANSWERS}

    def _limits(self, few, threshold=None, patience=None):
        """What decides of every example when it is done, as tensors."""
        threshold = self.rule.threshold if threshold is None else threshold
        patience = self.rule.patience if patience is None else patience
        counts = patience, self.min_iterations, self.max_iterations, few
        return (
            ops.convert_to_tensor(threshold, "float32"),
            ops.convert_to_tensor(counts, "int32"),
        )

    def _few(self, size: int) -> int:
        """How many examples may be left of a batch before it is made smaller."""
        return size - 1 if keras.backend.backend() == "torch" else size // 2

    def _size(self, left: int, size: int) -> int:
        """Of the batch that goes on: where one is compiled, every size is a program."""
        if keras.backend.backend() == "torch":
            return left
        while size >= 2 * left:
            size = (size + 1) // 2
        return size

    def _begin(self, x):
        state, shown = self.steps.begin(x)
        logits = ops.cast(self.steps.answer(state), "float32")  # only for its shape
        unsure = ops.zeros_like(confidence(logits))
        nothing = ops.zeros_like(unsure, dtype="int32")
        logits = ops.zeros_like(logits)
        return shown, {
            "number": ops.zeros((), dtype="int32"),
            "state": state,
            # What the rule and the policy remember.
            "held": (self.rule.memory(state, logits), logits, unsure),
            "met": nothing,  # For how many iterations in a row the rule was.
            "active": ops.equal(nothing, 0),
            "logits": logits,
            "iterations": nothing,
            "stopped": ops.not_equal(nothing, 0),
            "confidence": unsure,
        }

    def _judge(self, state, shown, held, start, iterations):
        """One iteration, what is answered behind it, and what the rule sees."""
        memory, best, surest = held
        after = self.steps.go_on(state, shown, start, iterations)
        logits = self.steps.answer(after)
        there = answer_mask(logits)
        logits = ops.cast(logits, "float32")
        signal, memory = self.rule.signal(memory, list(state), after, logits, there)
        certain = confidence(logits, self.rule.reduction, mask=there)
        answer = logits
        if self.policy == "mean":
            number = ops.cast(start, "float32")
            answer = best = (best * number + logits) / (number + 1.0)
            certain = confidence(answer, self.rule.reduction, mask=there)
        elif self.policy == "confident":
            better = certain > surest
            ones = [1] * (len(logits.shape) - 1)
            better = ops.reshape(better, (-1, *ones))
            answer = best = ops.where(better, logits, best)
            certain = surest = ops.maximum(certain, surest)
        return list(after), (memory, best, surest), answer, signal, certain


def array(x: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


def take(nest: Any, rows: Sequence[int] | np.ndarray) -> Any:
    """The examples of these rows, of every tensor of a nest."""
    rows = ops.convert_to_tensor(rows, "int32")
    return tree.map_structure(lambda x: ops.take(x, rows, axis=0), nest)
