"""Measure how the state of a loop moves, and how its disturbances grow."""

import dataclasses
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur._validation import check_integer
from keras_recur.analysis._loop_states import LoopStates, examples, sliced


@dataclasses.dataclass(frozen=True)
class Dynamics:
    """Steps and growth rates of the states of T iterations.

    Attributes:
        change: 10th, 50th and 90th percentile over examples of the relative change of
            the state, the norm of the change in iteration t divided by that of the
            state after it, for t from 1 to T. The shape is `(3, T)`.
        cosine: Mean cosine of two steps in succession, from t = 2 to T. Near 1 they
            have the same direction, near -1 the state jumps to and fro.
        growth: Factor by which a small disturbance of the state grows in each
            iteration, the geometric mean over examples. The disturbance begins in a
            random direction and is carried along. An example whose disturbance has
            vanished is left out; without any other, the factor is 0. The shape is
            `(T,)`.
        exponent: Mean logarithm of `growth`, a Lyapunov exponent of finite depth. Above
            0, disturbances grow.
        examples: Number of examples.
    """

    change: np.ndarray
    cosine: np.ndarray
    growth: np.ndarray
    exponent: float
    examples: int

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        return {
            **dataclasses.asdict(self),
            **{name: getattr(self, name).tolist() for name in _ARRAYS},
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Dynamics":
        """Return the result from the data of `as_dict`."""
        arrays: dict[str, Any] = {
            name: np.asarray(plain[name], "float64") for name in _ARRAYS
        }
        return cls(**(plain | arrays))


_ARRAYS = ("change", "cosine", "growth")


def dynamics(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    num_examples: int = 500,
    seed: int = 0,
) -> Dynamics:
    """Return how far the state moves in each iteration, and how disturbances grow.

    Both twins of a pair can be measured, in evaluation mode. `growth` multiplies a
    disturbance by the Jacobian of an iteration and compares the lengths.
    At a fixed point of a recurrent network it tends to the Jacobian's spectral radius,
    also if the largest eigenvalues are a complex pair.

    Args:
        model: A model with a `SharedRecurrentBlock` as its last loop.
        data: Batches `x` or `(x, y)` in any form that `iteration_curve` accepts.
        iterations: Number of iterations. Defaults to `None` (the number the model was
            built with).
        num_examples: Number of examples, the first ones. Defaults to `500`.
        seed: Seed of the first disturbances. Defaults to `0`.

    Returns:
        A `Dynamics`. Examples whose state is not finite are left out of its means; a
        value without examples is NaN.

    Raises:
        ValueError: If the model has no such loop, or too few weights for the
            iterations, or a number is out of range.

    Reference:
        [Schwarzschild et al. 2021](https://arxiv.org/abs/2102.11011);
        [Blayney et al. 2026](https://arxiv.org/abs/2604.11791), fixed points of looped
        language models.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.dynamics(pair.recurrent, test)
    >>> found.change.shape, found.cosine.shape, found.growth.shape
    ((3, 4), (3,), (4,))
    """
    states = LoopStates(model, iterations)
    if states.steps is None:
        raise ValueError(
            "`dynamics` needs a model whose loop is a SharedRecurrentBlock. Received: "
            f"the `model` {model.name!r} with a RecurrentGraph."
        )
    random = np.random.default_rng(check_integer("seed", seed, 0))
    x, _ = examples(data, num_examples, model, labels=False)
    rows = [_run(states, part, random) for part in sliced(x)]
    change, cosine, growth = (
        np.concatenate(part, axis=1) for part in zip(*rows, strict=True)
    )
    vanished = (growth == -np.inf).any(axis=1)
    growth = np.array([_mean(row) for row in growth])
    growth[np.isnan(growth) & vanished] = -np.inf
    return Dynamics(
        np.stack([_percentiles(row) for row in change], axis=1),
        np.array([_mean(row) for row in cosine]),
        np.exp(growth),
        float(growth.mean()) if np.isneginf(growth).any() else _mean(growth),
        change.shape[1],
    )


def _run(states, x, random):
    """Return changes, cosines and logarithms of growth, by iteration and example."""
    steps = states.steps
    carried = states.start(x)
    floats = _floats(steps, carried.state)
    moving = [place for place, _ in floats]

    def pushed(state, injected, vector, start, iterations):
        def advance(*leaves):
            given = list(state)
            for place, leaf in zip(moving, leaves, strict=True):
                given[place] = leaf
            after = steps.run_loop(given, injected, start, iterations)
            return tuple(after[place] for place in moving)

        at = tuple(state[place] for place in moving)
        return _jvp(advance, at, tuple(vector))

    vector = [random.normal(size=leaf.shape) for _, leaf in floats]
    vector = _scaled(vector, _norm(vector))
    tensors = [_rows(states.tensor(carried))]
    growth = []
    for t in range(states.iterations[-1]):
        program = steps.program("pushed", pushed, t, seed=carried.seed)
        given = [
            ops.convert_to_tensor(v, carried.state[place].dtype)
            for v, place in zip(vector, moving, strict=True)
        ]
        after = program(carried.state, carried.injected, given)
        vector = [ops.convert_to_numpy(ops.cast(v, "float32")) for v in after]
        length = _norm(vector)
        with np.errstate(divide="ignore"):
            growth.append(np.log(length))
        vector = _scaled(vector, np.where(length > 0, length, 1.0))
        carried = steps.advance(carried, t)
        tensors.append(_rows(states.tensor(carried)))
    moved = np.diff(tensors, axis=0)
    lengths = np.linalg.norm(moved, axis=2)
    with np.errstate(all="ignore"):
        change = lengths / np.linalg.norm(tensors[1:], axis=2)
        products = (moved[1:] * moved[:-1]).sum(axis=2)
        cosine = products / (lengths[1:] * lengths[:-1])
    return change, cosine, np.array(growth)


def _jvp(function, at, vector):
    """Return the product of the function's Jacobian with a vector."""
    if keras.backend.backend() != "torch":
        return ops.jvp(function, at, vector)[1]
    # Loops with a bank write the state of its block back, which jvp refuses here.
    with keras.StatelessScope(), warnings.catch_warnings():
        # PyTorch's own rules for jvp use what PyTorch has deprecated.
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        return ops.jvp(function, at, vector)[1]


def _floats(steps, state):
    """Return places and tensors of a state that are numbers with a derivative."""
    leaves = list(state)[: steps.num_tensors]
    return [(i, leaf) for i, leaf in enumerate(leaves) if "float" in str(leaf.dtype)]


def _rows(tensor):
    return np.asarray(tensor, "float64").reshape(len(tensor), -1)


def _norm(vector):
    squares = [(_rows(part) ** 2).sum(axis=1) for part in vector]
    return np.sqrt(np.sum(squares, axis=0))


def _scaled(vector, length):
    return [
        part / length.reshape(-1, *(1,) * (part.ndim - 1)).astype(part.dtype)
        for part in vector
    ]


def _finite(row):
    return row[np.isfinite(row)]


def _mean(row):
    row = _finite(row)
    return float(row.mean()) if len(row) else float("nan")


def _percentiles(row):
    row = _finite(row)
    return np.percentile(row, (10, 50, 90)) if len(row) else np.full(3, np.nan)
