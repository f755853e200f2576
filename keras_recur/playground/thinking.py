"""Run a network on one input and keep what the page shows of every iteration."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_recur._validation import check_integer, check_number
from keras_recur.inference.stepwise import Carried, Stepwise, as_tensors
from keras_recur.inference.stop_rule import KINDS, StopRule
from keras_recur.layers._masks import answer_mask

MAX_ITERATIONS = 500
MAX_NUMBERS = 2**24  # Probabilities that are kept per network.
MAX_NOISE = 10.0


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """How the page disturbs the state of a loop.

    Args:
        noise: Standard deviation of normal noise, relative to the root mean square of
            the state. Defaults to `0.0`.
        after: Iteration after which the noise is added, 0 for every one. Defaults to
            `0`.
        damping: Share of the old state that remains in every iteration. Defaults to
            `0.0`.
        seed: Seed of the noise. Defaults to `0`.
    """

    noise: float = 0.0
    after: int = 0
    damping: float = 0.0
    seed: int = 0

    def __post_init__(self):
        check_number("noise", self.noise, 0, MAX_NOISE)
        check_integer("after", self.after, 0)
        check_number("damping", self.damping, 0, below=1)
        check_integer("seed", self.seed, 0)


@dataclasses.dataclass(frozen=True)
class Thoughts:
    """The answers of a network after each iteration.

    Attributes:
        likely: Probabilities of the classes, `(iterations, ..., classes)`.
        signals: The signal of every kind of stop rule, `(iterations,)` each.
    """

    likely: np.ndarray
    signals: dict[str, np.ndarray]

    def __len__(self):
        return len(self.likely)

    def guess(self, t: int) -> np.ndarray:
        """Return the predicted classes after iteration `t`, counted from 0."""
        return self.likely[t].argmax(-1)

    def changed(self, answer: np.ndarray | None) -> np.ndarray:
        """Return the share of answers that each iteration changed; the first is NaN.

        Positions that are not scored do not count.
        """
        guesses = self.likely.argmax(-1)
        different = guesses[1:] != guesses[:-1]
        if different.ndim == 1:
            shares = different.astype(float)
        else:
            scored = np.ones(different.shape[1:], bool)
            if answer is not None:
                scored = answer >= 0
            shares = different[:, scored].mean(axis=1)
        return np.concatenate([[np.nan], shares])

    def stops(self, rule: StopRule) -> int | None:
        """Return the iteration after which a rule stops, or `None`."""
        (iteration,), (stopped,) = rule.exits(self.signals[rule.kind][None].copy())
        return int(iteration) if stopped else None


def think(
    steps: Stepwise,
    x: np.ndarray,
    iterations: int,
    disturbance: Disturbance | None = None,
    reduction: str = "min",
    report: Callable[[int, int], Any] = lambda done, iterations: None,
) -> Thoughts:
    """Run a network for some iterations, at most those that it has weights for.

    Args:
        steps: The network.
        x: A batch of one input.
        iterations: Number of iterations.
        disturbance: A `Disturbance`. Defaults to none.
        reduction: Reduction of confidence, as in `StopRule`.
        report: Called after each iteration with the number done and the total.

    Raises:
        ValueError: If the iterations or the size of the answers exceed the limits.
    """
    iterations = check_integer("iterations", iterations, 1, maximum=MAX_ITERATIONS)
    iterations = min(iterations, steps.max_iterations or iterations)
    disturb = _Disturber(disturbance or Disturbance())
    rules = [StopRule(kind, reduction=reduction) for kind in KINDS]

    def evaluate(before: Any, after: Any, memories: Any):
        logits = steps.run_head(after)
        there = answer_mask(logits)
        logits = ops.cast(logits, "float32")
        found = [
            rule.signal(memory, list(before), list(after), logits, there)
            for rule, memory in zip(rules, memories, strict=True)
        ]
        signals = ops.stack([ops.cast(s[0], "float32") for s, _ in found])
        return ops.softmax(logits, axis=-1)[0], signals, [m for _, m in found]

    program = steps.program(("play", reduction), evaluate)
    carried = steps.start(x)
    logits = ops.cast(steps.read(carried), "float32")
    _check_room(logits, iterations)
    memories = [rule.memory(list(carried.state), logits) for rule in rules]
    likely, signals = [], []
    for t in range(iterations):
        after = disturb(t, carried, steps.advance(carried, t))
        answer, signal, memories = program(carried.state, after.state, memories)
        likely.append(ops.convert_to_numpy(answer))
        signals.append(ops.convert_to_numpy(signal))
        carried = after
        report(t + 1, iterations)
    columns = np.stack(signals, axis=1)
    kept = np.stack(likely).astype("float32")
    return Thoughts(kept, {r.kind: columns[i] for i, r in enumerate(rules)})


def _check_room(logits, iterations):
    needed = iterations * int(np.prod(logits.shape))
    if needed > MAX_NUMBERS:
        most = max(1, MAX_NUMBERS * iterations // needed)
        raise ValueError(
            f"The page keeps at most {MAX_NUMBERS:,} probabilities of a network. "
            f"Received: {iterations} iterations with {needed:,} of them. Use at most "
            f"{most} iterations, or a smaller input."
        )


class _Disturber:
    """Damp the state and add noise to it, except to parts that are constant."""

    def __init__(self, disturbance: Disturbance):
        self._what = disturbance
        self._random = np.random.default_rng(disturbance.seed)
        self._moving: list[bool] = []

    def __call__(self, t: int, before: Carried, after: Carried) -> Carried:
        what = self._what
        noisy = what.noise > 0 and what.after in (0, t + 1)
        if not what.damping and what.noise == 0:
            return after
        pairs = list(zip(before.state, after.state, strict=True))
        if t == 0:  # A state may hold its input, such as the image.
            self._moving = [_moves(old, new) for old, new in pairs]
        state = []
        for (old, new), moving in zip(pairs, self._moving, strict=True):
            if moving:
                dtype = new.dtype
                if what.damping:
                    new = what.damping * ops.cast(old, dtype) + (1 - what.damping) * new
                if noisy:
                    new = new + self._noise(new)
                new = ops.cast(new, dtype)
            state.append(new)
        return after._replace(state=state)

    def _noise(self, state):
        values = np.asarray(ops.convert_to_numpy(ops.cast(state, "float32")))
        size = self._what.noise * np.sqrt(np.mean(np.square(values, dtype="float64")))
        drawn = self._random.standard_normal(values.shape) * size
        return ops.cast(as_tensors(drawn.astype("float32")), state.dtype)


def _moves(old, new):
    if "float" not in str(new.dtype):
        return False
    old, new = (ops.convert_to_numpy(ops.cast(x, "float32")) for x in (old, new))
    return not np.array_equal(old, new)
