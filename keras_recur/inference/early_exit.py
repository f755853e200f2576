"""Predict with as few iterations as each example needs."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_recur._limits import MAX_COUNT, check_size
from keras_recur._validation import check_integer, check_one_of, check_positive_int
from keras_recur.inference._graph import check_one_output, check_readout
from keras_recur.inference.confidence import confidence
from keras_recur.inference.early_exit_prediction import EarlyExitPrediction
from keras_recur.inference.stepwise import Stepwise, as_tensors
from keras_recur.inference.stop_rule import KINDS, StopRule
from keras_recur.layers._masks import answer_mask

_POLICIES = ("last", "mean", "confident")
_ANSWERS = ("logits", "iterations", "stopped", "confidence")


class EarlyExitPredictor:
    """Predictor that runs each example until a stop rule is met. Call it on inputs.

    Finished examples leave the batch: when half of it is finished, the rest is gathered
    into a batch of half the size. PyTorch, which compiles nothing, gathers after every
    iteration. The loop ends when all examples are finished. If all iterations share
    their weights, one compiled program runs between two gatherings.

    Args:
        model: Model with a `SharedRecurrentBlock` and a `Readout`, as the zoo builds it.
        rule: A `StopRule`, or the name of its kind.
        max_iterations: Iterations after which every example is stopped. Default: as the model
            was built. Where all iterations share their weights it may be more.
        min_iterations: Iterations that every example runs. Defaults to `1`.
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
        """Predict a batch of any size.

        Args:
            x: Inputs; a list of arrays if the model has several.
            batch_size: Number of examples that run together. Default: all.

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
            self._predict_batch(tree.map_structure(lambda a, i=i: a[i : i + size], x))
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

    def _predict_batch(self, x):
        count = len(tree.flatten(x)[0])
        rows = np.arange(count)  # Which example each row of the batch is; -1: padding.
        found: list[Any] = []
        shown, run = self._program("start", self._start)(as_tensors(x))
        while True:
            run = self._run(shown, run, self._compact_below(len(rows)))
            done = ~array(run["active"]) & (rows >= 0)
            answered = [array(run[name]) for name in _ANSWERS]
            if not found:
                found = [np.zeros((count, *a.shape[1:]), a.dtype) for a in answered]
            for whole, part in zip(found, answered, strict=True):
                whole[rows[done]] = part[done]
            left = np.flatnonzero(~done & (rows >= 0))
            if not len(left):
                return found
            # Gather the rest into a smaller batch, filled up with finished examples.
            size = self._compacted_size(len(left), len(rows))
            kept = np.concatenate([left, np.full(size - len(left), left[0])])
            rows = np.where(np.arange(size) < len(left), rows[kept], -1)
            number = run.pop("number")
            shown, run = take([shown, run], kept)
            run["active"] = ops.convert_to_tensor(rows >= 0)
            run["number"] = number

    def _run(self, shown, run, compact_below):
        """Run until at most `compact_below` examples are active, or to the maximum."""
        limits = self._limits(compact_below)
        if self.steps.limit is None:
            return self._program("loop", self._loop)(shown, run, limits)
        for t in range(int(array(run["number"])), self.max_iterations):
            run = self._program("step", self._step, t)(shown, run, limits)
            if array(run["active"]).sum() <= compact_below:
                break
        return run

    def _loop(self, shown, run, limits):
        """Run the loop as one program that never waits for the host."""

        def unfinished(*leaves):
            run = tree.pack_sequence_as(structure, list(leaves))
            active = ops.sum(ops.cast(run["active"], "int32"))
            *_, max_iterations, few = ops.unstack(limits[1], 4)
            return ops.logical_and(active > few, run["number"] < max_iterations)

        def once(*leaves):
            run = tree.pack_sequence_as(structure, list(leaves))
            return tree.flatten(self._step(shown, run, limits, run["number"], 1))

        structure = run
        leaves = ops.while_loop(unfinished, once, tree.flatten(run))
        return tree.pack_sequence_as(structure, list(leaves))

    def _step(self, shown, run, limits, number, iterations):
        """Run one iteration and decide which examples are done."""
        threshold, counts = limits
        patience, min_iterations, max_iterations, _ = ops.unstack(counts, 4)
        state, held, answer, signal, certain = self._evaluate_step(
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
        """Run a batch to the maximum, without stopping.

        Args:
            x: Inputs.

        Yields:
            After each iteration: the logits of the policy, the signal of the rule and
            the confidence, the last two of shape `(batch,)`.
        """
        shown, run = self._program("start", self._start)(as_tensors(x))
        state, held = run["state"], run["held"]
        for t in range(self.max_iterations):
            judge = self._program("evaluate", self._evaluate_step, t)
            state, held, answer, signal, certain = judge(state, shown, held)
            yield array(answer), array(signal), array(certain)

    def _program(self, name, function, number=None):
        """Compile a function once per kind of rule; thresholds are its arguments."""
        key = (name, self.rule.kind, self.rule.reduction, self.policy)
        return self.steps.program(key, function, number)

    def run_symbolic(
        self, x: Any, threshold: Any = None, patience: Any = None
    ) -> dict[str, Any]:
        """Predict a batch of tensors within a graph of yours; not compiled.

        The loop ends when the whole batch is done, without waiting for the host.

        Args:
            x: Inputs, as tensors.
            threshold: A scalar tensor in place of the rule's threshold.
            patience: A scalar tensor in place of the rule's patience.

        Returns:
            A dictionary of `logits`, `iterations`, `stopped` and `confidence`.
        """
        shown, run = self._start(x)
        run = self._loop(shown, run, self._limits(0, threshold, patience))
        return {name: run[name] for name in _ANSWERS}

    def _limits(self, few, threshold=None, patience=None):
        """Return the limits of the loop as tensors."""
        threshold = self.rule.threshold if threshold is None else threshold
        patience = self.rule.patience if patience is None else patience
        counts = patience, self.min_iterations, self.max_iterations, few
        return (
            ops.convert_to_tensor(threshold, "float32"),
            ops.convert_to_tensor(counts, "int32"),
        )

    def _compact_below(self, size: int) -> int:
        """Return the number of active examples at which a batch is compacted."""
        return size - 1 if keras.backend.backend() == "torch" else size // 2

    def _compacted_size(self, left: int, size: int) -> int:
        """Return the size of the compacted batch; every size is compiled once."""
        if keras.backend.backend() == "torch":
            return left
        while size >= 2 * left:
            size = (size + 1) // 2
        return size

    def _start(self, x):
        state, shown = self.steps.apply_stem(x)
        logits = ops.cast(self.steps.apply_head(state), "float32")  # only for its shape
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

    def _evaluate_step(self, state, shown, held, start, iterations):
        """Run one iteration and return the prediction, the signal and the confidence."""
        memory, best, surest = held
        after = self.steps.apply_loop(state, shown, start, iterations)
        logits = self.steps.apply_head(after)
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
    """Return a tensor as a NumPy array."""
    return np.asarray(ops.convert_to_numpy(x))


def take(nest: Any, rows: Sequence[int] | np.ndarray) -> Any:
    """Take these rows of every tensor of a nest."""
    rows = ops.convert_to_tensor(rows, "int32")
    return tree.map_structure(lambda x: ops.take(x, rows, axis=0), nest)
