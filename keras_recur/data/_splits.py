"""Assign each procedural example to one split, by a hash of its content."""

# The hash ignores index and seed, so splits never share an example.
NUM_BUCKETS = 8
"""Number of buckets the hashes are divided into."""

BUCKETS = {
    "train": (2, 3, 4, 5, 6, 7),
    "validation": (1,),
    "test": (0,),
}
"""The buckets that each split owns."""

SPLITS = tuple(BUCKETS)
"""The splits of every procedural task."""


def check_available(
    what: str, split: str, available: int, num_examples: int | None
) -> None:
    """Raise a `ValueError` if a split has fewer examples than were asked for."""
    if num_examples is not None and num_examples > available:
        raise ValueError(
            f"The split {split!r} of {what} has {available:,} examples. Received: "
            f"num_examples={num_examples}. The most allowed is {available:,}."
        )
