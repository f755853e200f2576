"""The running iteration, for layers inside a loop."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from keras import ops


class Iteration(NamedTuple):
    """One iteration of a block, for the layers inside the block.

    Attributes:
        index: Number of this application of the weights, from 0. An integer in an
            unrolled loop, a scalar int32 tensor in a rolled one.
        iterations: Number of applications that the weights are built for: those of the
            block's group, not of the whole loop.
        number: Number of this iteration in the whole loop, from 0. It has the type of
            `index`, and in a state graph also its value.
    """

    index: Any
    iterations: int
    number: Any


_current: ContextVar[Iteration | None] = ContextVar("keras_recur_iteration")


def current_iteration() -> Iteration | None:
    """Return the running iteration of a loop.

    A layer at any depth of a block can call it, on every backend: in `build` to size
    its weights (`iterations` rows), and in `call` to select a row (`index`).

    Returns:
        An `Iteration`, or `None` outside a loop.

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
    """Set the current iteration. `number` defaults to `index`."""
    number = index if number is None else number
    token = _current.set(Iteration(index, iterations, number))
    try:
        yield
    finally:
        _current.reset(token)


def row_of(value: Any, row: Any) -> Any:
    """Return one row. Slicing avoids the negative-index handling of `ops.take`."""
    if isinstance(row, int):
        return value[row]
    value = ops.convert_to_tensor(value)
    shape = tuple(value.shape)[1:]
    start = (row, *[0] * len(shape))
    return ops.reshape(ops.slice(value, start, (1, *shape)), shape)
