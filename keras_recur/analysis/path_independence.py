"""Measure whether a loop ends in the same state wherever it starts."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur._validation import check_integer, check_one_of
from keras_recur.analysis._endless_steps import (
    LongRun,
    endless_steps,
    trained_iterations,
)
from keras_recur.data._batches import inputs


@dataclasses.dataclass(frozen=True)
class PathIndependence:
    """Similarity of the states that a loop reaches from two starts.

    Attributes:
        cosines: Cosine similarity of both final states of each example, NaN if one of
            them is not finite.
        iterations: Number of iterations of each run.
    """

    cosines: np.ndarray
    iterations: int

    @property
    def mean(self) -> float:
        """Mean cosine of the examples that did not diverge, NaN if all did."""
        finite = self.cosines[np.isfinite(self.cosines)]
        return float(finite.mean()) if len(finite) else float("nan")

    @property
    def diverged(self) -> float:
        """Share of examples with a final state that is not finite."""
        return float((~np.isfinite(self.cosines)).mean())


def path_independence(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    start: str = "swap",
    seed: int = 0,
) -> PathIndependence:
    """Return how similar the final states are that a loop reaches from two starts.

    Each example runs twice: from the usual start, and from the final state of another
    example of its batch or from noise. The result is 1 if the final state depends on
    the input alone. An example that is alone in its batch is left out of a swap.

    Args:
        model: A model with a `SharedRecurrentBlock` that receives its input again in
            every iteration (`injection`), and whose weights are shared by all
            iterations.
        data: Batches `x` or `(x, y)` in any form that `iteration_curve` accepts.
        iterations: Number of iterations of each run. Defaults to `None` (the number the
            model was built with).
        start: `"swap"` for the final state of another example, or `"noise"` for normal
            noise with the standard deviation of the final states. Defaults to `"swap"`.
        seed: Seed of the partners and the noise. Defaults to `0`.

    Returns:
        A `PathIndependence`.

    Raises:
        ValueError: If the loop does not receive its input again, if it cannot run for
            any number of iterations, or if there is no example to swap with.

    Reference:
        [Anil et al. 2022](https://arxiv.org/abs/2211.09961), Algorithm 1. Their mean
        includes each example's own state; ours does not.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "deep_thinking_1d", width=8, iterations=3, injection="concat"
    ... )
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.path_independence(pair.recurrent, test, 30)
    >>> found.cosines.shape
    (20,)
    """
    steps = endless_steps(model, "`path_independence`")
    check_one_of("start", start, ("swap", "noise"))
    random = np.random.default_rng(check_integer("seed", seed, 0))
    iterations = trained_iterations(steps, iterations)
    run = LongRun(steps)
    if not steps.loop.injection:
        raise ValueError(
            "`path_independence` needs a loop that receives its input again in every "
            f"iteration. Received: the `model` {model.name!r}, whose state alone "
            "decides how it goes on. Build the loop with injection='add' or 'concat'."
        )

    def final(carried):
        for t in range(iterations):
            carried = run.advance(carried, t)
        return carried.state

    cosines = []
    for x in inputs(data):
        first = run.start(x)
        usual = final(first)
        if start == "swap":
            count = int(first.state[0].shape[0])
            if count < 2:
                continue
            order = (np.arange(count) + random.integers(1, count)) % count
            other = _replaced(steps, usual, lambda z, o=order: ops.take(z, o, axis=0))
        else:
            other = _replaced(steps, usual, lambda z: _noise(z, random), first.state)
        cosines.append(_cosine(steps, usual, final(first._replace(state=other))))
    if not cosines:
        raise ValueError(
            "`data` must have a batch with two or more examples to swap their states. "
            "Received: none. Use larger batches, or start='noise'."
        )
    return PathIndependence(np.concatenate(cosines), iterations)


def _replaced(steps, state, change, rest=None):
    """Return a state with changed tensors; its masks, and integers of `rest`, stay."""
    count = steps.num_tensors
    found = []
    for i, leaf in enumerate(state):
        floats = "float" in str(leaf.dtype)
        if i < count and (floats or rest is None):
            found.append(change(leaf))
        else:
            found.append(leaf if rest is None else rest[i])
    return found


def _noise(leaf, random):
    values = _numpy(leaf)
    finite = values[np.isfinite(values)]
    spread = finite.std() if finite.size else 1.0
    return ops.convert_to_tensor(random.normal(0, spread, values.shape), leaf.dtype)


def _cosine(steps, one, other):
    pairs = zip(steps.floats(one), steps.floats(other), strict=True)
    rows = [(_rows(a), _rows(b)) for a, b in pairs]
    a, b = (np.concatenate(side, axis=1) for side in zip(*rows, strict=True))
    with np.errstate(all="ignore"):
        # After division by the largest value, squares neither overflow nor vanish.
        a, b = (
            z / np.maximum(abs(z).max(axis=1, keepdims=True), 1e-30) for z in (a, b)
        )
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        found = (a * b).sum(axis=1) / np.maximum(norms, 1e-30)
    return np.where(
        np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1), found, np.nan
    )


def _rows(leaf):
    values = _numpy(leaf)
    return values.reshape(len(values), -1)


def _numpy(leaf):
    return np.asarray(ops.convert_to_numpy(ops.cast(leaf, "float32")), "float64")
