"""Prediction that stops each example when a rule is met."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_recur._limits import MAX_COUNT, check_seed, check_size
from keras_recur._validation import check_integer, check_one_of, check_positive_int
from keras_recur.inference._graph import check_one_output, check_readout
from keras_recur.inference.confidence import confidence
from keras_recur.inference.early_exit_prediction import EarlyExitPrediction
from keras_recur.inference.stepwise import Stepwise, as_tensors
from keras_recur.inference.stop_rule import KINDS, StopRule
from keras_recur.layers._masks import answer_mask
from keras_recur.layers._seeds import derived_seed

_POLICIES = ("last", "mean", "confident")
_ANSWERS = ("logits", "iterations", "stopped", "confidence")


class EarlyExitPredictor:
    """Predictor that runs every example until a stop rule is met.

    Examples that are done leave the batch. When half of the batch is done, the others
    continue in a batch of half the size (on PyTorch after each iteration).

    Args:
        model: A model with a `SharedRecurrentBlock` and a `Readout`, such as those of
            the zoo.
        rule: A `StopRule`, or the name of its kind.
        max_iterations: Maximum number of iterations. It may exceed that of the model if
            all iterations share weights. Defaults to that of the model.
        min_iterations: Minimum number of iterations. Defaults to `1`.
        policy: Logits that are returned for each example: `"last"`, those of its last
            iteration; `"mean"`, the mean over its iterations; `"confident"`, those of
            its most confident iteration. Defaults to `"last"`.

    Raises:
        ValueError: If the model has no readout at every iteration, its weights do not
            allow `max_iterations`, or `min_iterations` exceeds it.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> predictor = keras_recur.inference.EarlyExitPredictor(
    ...     pair.recurrent, "agreement", max_iterations=30
    ... )
    >>> found = predictor(np.zeros((3, 16, 1), "float32"))
    >>> found.classes.shape, bool((found.iterations <= 30).all())
    ((3, 16), True)
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
        if not isinstance(rule, StopRule):
            raise ValueError(
                "`rule` must be a StopRule or the name of one. Received: "
                f"rule={rule!r} (of type {type(rule).__name__})."
            )
        self.rule = rule
        if max_iterations is None:
            max_iterations = self.steps.iterations
        self.max_iterations = check_size("max_iterations", max_iterations, MAX_COUNT)
        allowed = self.steps.max_iterations
        if allowed and self.max_iterations > allowed:
            raise ValueError(
                f"`max_iterations` can be at most {allowed} here: there are no weights "
                f"for more iterations. Received: max_iterations={max_iterations}."
            )
        self.min_iterations = check_integer("min_iterations", min_iterations, 1)
        if self.min_iterations > self.max_iterations:
            raise ValueError(
                "`min_iterations` must be at most `max_iterations`. Received: "
                f"min_iterations={min_iterations}, "
                f"max_iterations={self.max_iterations}."
            )
        self.policy = check_one_of("policy", policy, _POLICIES)

    def __call__(
        self, x: Any, batch_size: int | None = None, seed: int | None = None
    ) -> EarlyExitPrediction:
        """Predict, and stop each example when it meets the rule.

        Args:
            x: Inputs, or a list of arrays if the model has several.
            batch_size: Examples per batch. Defaults to all.
            seed: Seed of a model that draws random first states or noise. The numbers
                of an example depend on its place in the batch. Defaults to a random
                seed.

        Returns:
            An `EarlyExitPrediction`. Warns if no example met the rule.
        """
        count = len(tree.flatten(x)[0])
        size = count
        if batch_size is not None:
            size = check_positive_int("batch_size", batch_size)
        if not count:
            raise ValueError("`x` has no examples to predict.")
        seed = check_seed(seed)
        parts = [
            self._predict_batch(
                tree.map_structure(lambda a, i=i: a[i : i + size], x),
                None if seed is None else derived_seed(seed, i),
            )
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

    def follow(
        self, x: Any, seed: int | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Run a batch to `max_iterations`, without stopping.

        Args:
            x: Inputs.
            seed: As for a call.

        Yields:
            After each iteration, the policy's logits, and the rule's signal and the
            confidence of each example.
        """
        drawn = self.steps.seed(seed)
        injected, run = self._program("begin", self._begin, drawn)(as_tensors(x))
        state, held = run["state"], run["held"]
        for t in range(self.max_iterations):
            evaluate = self._program("evaluate", self._evaluate, drawn, t)
            state, held, answer, signal, certain = evaluate(state, injected, held)
            yield array(answer), array(signal), array(certain)

    def run_symbolic(
        self, x: Any, threshold: Any = None, patience: Any = None
    ) -> dict[str, Any]:
        """Run a whole batch in a graph until all of its examples are done.

        Args:
            x: Inputs, as tensors.
            threshold: A scalar tensor that replaces the rule's threshold.
            patience: A scalar tensor that replaces the rule's patience.

        Returns:
            A dictionary with `logits`, `iterations`, `stopped` and `confidence`.
        """
        injected, run = self._begin(x)
        run = self._loop(injected, run, self._limits(0, threshold, patience))
        return {name: run[name] for name in _ANSWERS}

    def _predict_batch(self, x, seed):
        count = len(tree.flatten(x)[0])
        rows = np.arange(count)  # The example of each row; -1 marks padding.
        found: list[Any] = []
        seed = self.steps.seed(seed)
        injected, run = self._program("begin", self._begin, seed)(as_tensors(x))
        while True:
            run = self._run_until(injected, run, _compact_below(len(rows)), seed)
            done = ~array(run["active"]) & (rows >= 0)
            answered = [array(run[name]) for name in _ANSWERS]
            if not found:
                found = [np.zeros((count, *a.shape[1:]), a.dtype) for a in answered]
            for whole, part in zip(found, answered, strict=True):
                whole[rows[done]] = part[done]
            left = np.flatnonzero(~done & (rows >= 0))
            if not len(left):
                return found
            # Pad the smaller batch with a copy of one example.
            size = _compact_size(len(left), len(rows))
            kept = np.concatenate([left, np.full(size - len(left), left[0])])
            rows = np.where(np.arange(size) < len(left), rows[kept], -1)
            number = run.pop("number")
            injected, run = take([injected, run], kept)
            run["active"] = ops.convert_to_tensor(rows >= 0)
            run["number"] = number

    def _run_until(self, injected, run, few, seed):
        """Run until at most `few` examples are active, or to `max_iterations`."""
        limits = self._limits(few)
        if self.steps.max_iterations is None:
            return self._program("loop", self._loop, seed)(injected, run, limits)
        for t in range(int(array(run["number"])), self.max_iterations):
            run = self._program("step", self._step, seed, t)(injected, run, limits)
            if array(run["active"]).sum() <= few:
                break
        return run

    def _loop(self, injected, run, limits):
        """Run the whole loop on the device."""

        def unfinished(*leaves):
            run = tree.pack_sequence_as(structure, list(leaves))
            active = ops.sum(ops.cast(run["active"], "int32"))
            *_, maximum, few = ops.unstack(limits[1], 4)
            return ops.logical_and(active > few, run["number"] < maximum)

        def step(*leaves):
            run = tree.pack_sequence_as(structure, list(leaves))
            return tree.flatten(self._step(injected, run, limits, run["number"], 1))

        structure = run
        leaves = ops.while_loop(unfinished, step, tree.flatten(run))
        return tree.pack_sequence_as(structure, list(leaves))

    def _step(self, injected, run, limits, number, iterations):
        """Run one iteration and find the examples that are done after it."""
        threshold, counts = limits
        patience, minimum, maximum, _ = ops.unstack(counts, 4)
        state, held, answer, signal, certain = self._evaluate(
            run["state"], injected, run["held"], number, iterations
        )
        after = ops.cast(number, "int32") + 1
        met = ops.logical_and(
            self.rule.met(signal, threshold), after >= self.rule.earliest
        )
        met = ops.where(met, run["met"] + 1, 0)
        fired = ops.logical_and(met >= patience, after >= minimum)
        done = ops.logical_and(run["active"], ops.logical_or(fired, after >= maximum))
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

    def _program(self, name, function, seed, number=None):
        """Return the compiled function. Rules of one kind share it."""
        rule = self.rule
        key = (name, rule.kind, rule.reduction, rule.window, self.policy)
        return self.steps.program(key, function, number, seed=seed)

    def _limits(self, few, threshold=None, patience=None):
        """Return the numbers that end a run, as tensors."""
        threshold = self.rule.threshold if threshold is None else threshold
        patience = self.rule.patience if patience is None else patience
        counts = patience, self.min_iterations, self.max_iterations, few
        return (
            ops.convert_to_tensor(threshold, "float32"),
            ops.convert_to_tensor(counts, "int32"),
        )

    def _begin(self, x):
        """Return the injected input and the values that a run carries."""
        state, injected = self.steps.run_stem(x)
        # Only the shape of these logits is used.
        logits = ops.cast(self.steps.run_head(state), "float32")
        unsure = ops.zeros_like(confidence(logits))
        nothing = ops.zeros_like(unsure, dtype="int32")
        logits = ops.zeros_like(logits)
        return injected, {
            "number": ops.zeros((), dtype="int32"),
            "state": state,
            # Memory of the rule and the policy.
            "held": (self.rule.memory(state, logits), logits, unsure),
            "met": nothing,  # Number of iterations in a row that met the rule.
            "active": ops.equal(nothing, 0),
            "logits": logits,
            "iterations": nothing,
            "stopped": ops.not_equal(nothing, 0),
            "confidence": unsure,
        }

    def _evaluate(self, state, injected, held, start, iterations):
        """Run one iteration; return its answer, the rule's signal and confidence."""
        memory, best, surest = held
        after = self.steps.run_loop(state, injected, start, iterations)
        logits = self.steps.run_head(after)
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
    """Return these rows of every tensor of a nest."""
    rows = ops.convert_to_tensor(rows, "int32")
    return tree.map_structure(lambda x: ops.take(x, rows, axis=0), nest)


def _compact_below(size: int) -> int:
    """Return the number of active examples below which the batch shrinks."""
    return size - 1 if keras.backend.backend() == "torch" else size // 2


def _compact_size(left: int, size: int) -> int:
    """Return the size of the smaller batch. Each size is compiled separately."""
    if keras.backend.backend() == "torch":
        return left
    while size >= 2 * left:
        size = (size + 1) // 2
    return size
