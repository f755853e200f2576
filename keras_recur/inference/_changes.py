"""How much states and answers change in an iteration."""

import functools
import math
from typing import Any

from keras import ops


def divergence(before: Any, after: Any) -> Any:
    """Return the KL divergence of the classes before from those after, per position."""
    before, after = ops.log_softmax(before, axis=-1), ops.log_softmax(after, axis=-1)
    return ops.sum(ops.exp(before) * (before - after), axis=-1)


def distance(before: Any, after: Any) -> Any:
    """Return the norm of the change of the logits, per position."""
    return ops.sqrt(ops.sum(ops.square(after - before), axis=-1))


def over_positions(values: Any, reduction: str, mask: Any = None) -> Any:
    """Return the largest value ("min", of what is settled) or the mean per example."""
    axes = tuple(range(1, len(values.shape)))
    if not axes:
        return values
    if mask is not None:
        values = ops.where(mask, values, 0.0)
    if reduction == "min":
        return ops.max(values, axis=axes)
    if mask is None:
        return ops.mean(values, axis=axes)
    there = ops.broadcast_to(mask, ops.shape(values))
    count = ops.sum(ops.cast(there, "float32"), axis=axes)
    return ops.sum(values, axis=axes) / ops.maximum(count, 1.0)


def floats(leaves):
    return [ops.cast(x, "float32") for x in leaves if "float" in str(x.dtype)]


def share(part, whole):
    """Return the ratio of norms per example, infinite if a value is not finite."""
    largest = _largest([*part, *whole])
    known = largest < math.inf  # False for NaN, too.
    # After division by the largest value, squares neither overflow nor vanish.
    scale = ops.where(known, ops.maximum(largest, 1e-12), 1.0)
    size = ops.maximum(_norm(whole, scale), 1e-12 / scale)
    return ops.where(known, _norm(part, scale) / size, math.inf)


def _largest(leaves):
    """Return the largest absolute value of every example, infinite for NaN."""
    found = []
    for x in leaves:
        x = ops.where(ops.isnan(x), math.inf, ops.abs(x))
        axes = tuple(range(1, len(x.shape)))
        found.append(ops.max(x, axis=axes) if axes else x)
    return functools.reduce(ops.maximum, found)


def _norm(leaves, scale):
    """Return the norm of every example over all its tensors, in units of `scale`."""
    squares = []
    for x in leaves:
        x = x / ops.reshape(scale, (-1, *[1] * (len(x.shape) - 1)))
        axes = tuple(range(1, len(x.shape)))
        squares.append(ops.sum(ops.square(x), axis=axes) if axes else ops.square(x))
    return ops.sqrt(sum(squares[1:], start=squares[0]))
