"""How sure an answer is."""

from typing import Any

from keras import ops

from keras_recur._validation import check_one_of

POSITIONS = ("min", "mean")


def confidence(logits: Any, positions: str = "min", leading: int = 1) -> Any:
    """The probability of the most likely class, one number for every example.

    Args:
        logits: `(batch, ..., classes)`.
        positions: An answer of many positions is as sure as its least sure one,
            `"min"` (default), or as the `"mean"` of all.
        leading: How many axes are no positions: 1, the batch (default), or 2 for
            `(batch, iterations, ..., classes)`.

    Returns:
        Tensor of the leading axes, between 0 and 1.

    Raises:
        ValueError: for unknown `positions`.

    Example:

    >>> float(keras_recur.layers.confidence(np.zeros((1, 16, 2)))[0])
    0.5
    """
    check_one_of("positions", positions, POSITIONS)
    logits = ops.cast(logits, "float32")
    likely = ops.max(ops.softmax(logits, axis=-1), axis=-1)
    axes = tuple(range(leading, len(likely.shape)))
    if not axes:
        return likely
    reduce = ops.min if positions == "min" else ops.mean
    return reduce(likely, axis=axes)
