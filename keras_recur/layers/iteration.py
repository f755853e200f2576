"""What a layer inside a loop may ask: which iteration is running, of how many."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from keras import ops


class Iteration(NamedTuple):
    """One iteration of a block, as the layers inside the block see it.

    Attributes:
        index: Which application of these weights is running, from 0. A Python
            integer in an unrolled loop, a scalar int32 tensor in a rolled one.
        iterations: How many applications these weights were built for: the
            iterations of the block's group, not of the whole loop.
        number: Which iteration of the whole loop is running, from 0; of a state graph,
            the same as `index`. As `index`, an integer or a tensor.
    """

    index: Any
    iterations: int
    number: Any


_current: ContextVar[Iteration | None] = ContextVar("keras_recur_iteration")


def current_iteration() -> Iteration | None:
    """The iteration that is running, or `None` outside a loop.

    `SharedRecurrentBlock` sets it around every build and every call of its block,
    so a layer that depends on the iteration finds it however deep it is nested,
    in rolled and unrolled loops and on every backend. A layer reads it twice: in
    `build`, to size its weights (`iterations` rows), and in `call`, to choose a
    row (`index`).

    Returns:
        An `Iteration(index, iterations, number)`, or `None`.

    Example:

    >>> class StepScale(keras.layers.Layer):
    ...     def build(self, input_shape):
    ...         loop = keras_recur.layers.current_iteration()
    ...         rows = loop.iterations if loop else 1
    ...         self.scale = self.add_weight(shape=(rows,), initializer="ones")
    ...
    ...     def call(self, x):
    ...         loop = keras_recur.layers.current_iteration()
    ...         row = keras.ops.minimum(loop.index if loop else 0, len(self.scale) - 1)
    ...         return x * keras.ops.take(self.scale, row)
    """
    return _current.get(None)


@contextlib.contextmanager
def iteration_scope(index: Any, iterations: int, number: Any = None) -> Iterator[None]:
    """Makes `current_iteration()` return this; `number` is `index` by default."""
    number = index if number is None else number
    token = _current.set(Iteration(index, iterations, number))
    try:
        yield
    finally:
        _current.reset(token)


def row_of(value: Any, row: Any) -> Any:
    """One row, by few operations: to take it would look for negative ones first."""
    if isinstance(row, int):
        return value[row]
    value = ops.convert_to_tensor(value)
    shape = tuple(value.shape)[1:]
    start = (row, *[0] * len(shape))
    return ops.reshape(ops.slice(value, start, (1, *shape)), shape)
