"""Parts of batches for processes that train together."""

from typing import Any

from keras_recur._validation import check_integer, check_type


def check_shard(
    shard: Any, batch_size: int, last_batch: int | None = None
) -> tuple[int, int] | None:
    """Return the index and the number of shards, or `None` for whole batches.

    Raises:
        ValueError: If the pair is invalid, or does not divide a batch equally.
    """
    if shard is None:
        return None
    check_type("shard", shard, tuple | list, "a pair (index, count)")
    if len(shard) != 2:
        raise ValueError(f"`shard` must be a pair (index, count). Received: {shard}.")
    count = check_integer("shard[1]", shard[1], 1, maximum=batch_size)
    index = check_integer("shard[0]", shard[0], 0, maximum=count - 1)
    for what, size in (("batch", batch_size), ("last batch", last_batch)):
        if size is not None and size % count:
            raise ValueError(
                f"The {what} must be divisible by the {count} shards, since each "
                f"process takes the same number of examples. Received: a {what} of "
                f"{size}. Choose another `batch_size`"
                f"{'' if what == 'batch' else ', or drop the last batch'}."
            )
    return index, count


def shard_of(rows: slice, index: int, count: int) -> slice:
    """Return one of `count` equal parts of consecutive rows."""
    size = (rows.stop - rows.start) // count
    return slice(rows.start + index * size, rows.start + (index + 1) * size)
