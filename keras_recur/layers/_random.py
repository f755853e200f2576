"""Random numbers that follow from a seed and a number, also in compiled loops."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

_MAX = 2**30  # Keys and numbers of iterations add up to an int32.


class _Key(keras.random.SeedGenerator):
    """A seed generator without a state, whose next seed is given."""

    def __init__(self, value: Any, dtype: Any):
        self._value, self._dtype = value, dtype

    def next(self, ordered=True):
        return ops.cast(self._value, self._dtype)


_scope: ContextVar[list[Any] | None] = ContextVar("keras_recur_seed", default=None)


@contextlib.contextmanager
def seed_scope(seed: Any, first: int = 0) -> Iterator[None]:
    """Let the loops of this scope draw from `seed`, a scalar, not from generators.

    The n-th call of a loop uses number `first` + n of the seed.
    """
    token = _scope.set(None if seed is None else [seed, first])
    try:
        yield
    finally:
        _scope.reset(token)


def current_seed() -> Any:
    """Return the seed of the running scope, or `None`."""
    scope = _scope.get()
    return None if scope is None else scope[0]


def draw_seed(generator: keras.random.SeedGenerator) -> Any:
    """Return a random scalar for `seed_scope`."""
    return keras.random.randint((), 0, 2**31 - 1, dtype="int32", seed=generator)


def draw_key(generator: keras.random.SeedGenerator) -> tuple[Any, Any]:
    """Return the key of a call, from the scope's seed or else from the generator."""
    dtype, scope = generator.state.dtype, _scope.get()
    source = generator
    if scope is not None:
        seed, number = scope
        scope[1] += 1
        pair = [ops.cast(seed, "int32"), ops.convert_to_tensor(number, "int32")]
        source = _Key(ops.stack(pair), dtype)
    # Without this step, PyTorch would draw equal numbers for seed 1, iteration 2 and
    # seed 2, iteration 1, because it adds the two.
    return keras.random.randint((2,), 0, _MAX, dtype="int32", seed=source), dtype


def keyed(key: tuple[Any, Any], number: Any) -> keras.random.SeedGenerator:
    """Return the seed of the n-th draw with a key."""
    value, dtype = key
    number = ops.cast(number, "int32")
    return _Key(value + ops.stack([ops.zeros_like(number), number]), dtype)
