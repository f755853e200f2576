"""Random words from a counter, and splits by content, for whole arrays."""

import numpy as np

from keras_recur.data._splits import BUCKETS, NUM_BUCKETS


def hash_words(state: np.ndarray, *values: int | np.ndarray) -> np.ndarray:
    """Mix values into every element of `state`, each by the SplitMix64 finalizer."""
    for value in values:
        z = (state ^ np.asarray(value, dtype="uint64")) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = z ^ (z >> np.uint64(31))
    return state


def belongs_to_split(examples: np.ndarray, size: int, split: str) -> np.ndarray:
    """Return which examples, rows of `uint64` words, belong to a split."""
    # A CRC is linear over bits: all test strings would share parity equations.
    zeros = np.zeros(len(examples), dtype="uint64")
    digest = hash_words(zeros, size, *examples.T)
    return np.isin(digest % np.uint64(NUM_BUCKETS), BUCKETS[split])
