"""How sure an answer is."""

from typing import Any

from keras import ops

from keras_recur._validation import check_integer, check_one_of

REDUCTIONS = ("min", "mean")


def confidence(
    logits: Any, reduction: str = "min", batch_axes: int = 1, mask: Any = None
) -> Any:
    """The probability of the most likely class, one number for every example.

    Args:
        logits: `(batch, ..., classes)`.
        reduction: An answer of many positions is as sure as its least sure one,
            `"min"` (default), or as the `"mean"` of all.
        batch_axes: Number of leading axes that are kept: 1, the batch (default), or 2 for
            `(batch, iterations, ..., classes)`.
        mask: Which positions are there, of the logits' shape without the classes. The
            others, padding, do not count. Default: all are there.

    Returns:
        Tensor of the leading axes, between 0 and 1.

    Raises:
        ValueError: for unknown `reduction`.

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
            "`mask` must say of every position whether it is there, in the logits' "
            f"shape without the classes, {tuple(likely.shape)}. Received: {mask!r}."
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
