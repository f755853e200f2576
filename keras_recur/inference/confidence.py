"""Confidence in an answer."""

from typing import Any

from keras import ops

from keras_recur._validation import check_integer, check_one_of

REDUCTIONS = ("min", "mean")


def confidence(
    logits: Any, reduction: str = "min", batch_axes: int = 1, mask: Any = None
) -> Any:
    """Return the probability of the most likely class, one number per example.

    Args:
        logits: `(batch, ..., classes)`.
        reduction: `"min"` (the least confident position) or `"mean"` (over all
            positions). Defaults to `"min"`.
        batch_axes: Number of axes before the positions: 1 for the batch, 2 for
            `(batch, iterations, ..., classes)`. Defaults to `1`.
        mask: `True` for positions that are not padding, in the logits' shape without
            the classes. Defaults to all positions.

    Returns:
        Tensor with the shape of the batch axes, from 0 to 1.

    Raises:
        ValueError: If `reduction` is unknown or `logits` are not logits.

    Example:

    >>> float(keras_recur.inference.confidence(np.zeros((1, 16, 2)))[0])
    0.5
    """
    check_one_of("reduction", reduction, REDUCTIONS)
    check_integer("batch_axes", batch_axes, 1)
    received = logits
    try:
        logits = ops.cast(logits, "float32")
    except (TypeError, ValueError) as error:
        raise _no_logits(received) from error
    if len(logits.shape) < 2:
        raise _no_logits(received)
    likely = ops.max(ops.softmax(logits, axis=-1), axis=-1)
    axes = tuple(range(batch_axes, len(likely.shape)))
    if not axes:
        return likely
    if mask is None:
        reduce = ops.min if reduction == "min" else ops.mean
        return reduce(likely, axis=axes)
    try:
        there = ops.broadcast_to(ops.cast(mask, "bool"), ops.shape(likely))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            "`mask` must have the shape of the logits without the classes, "
            f"{tuple(likely.shape)}. Received: mask={mask!r}."
        ) from error
    if reduction == "min":
        return ops.min(ops.where(there, likely, 1.0), axis=axes)
    total = ops.sum(ops.where(there, likely, 0.0), axis=axes)
    return total / ops.maximum(ops.sum(ops.cast(there, "float32"), axis=axes), 1.0)


def _no_logits(received):
    return ValueError(
        "`logits` must be numbers of shape (batch, ..., classes). Received: logits="
        f"{received!r}."
    )
