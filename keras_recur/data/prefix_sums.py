"""Prefix sums of bits modulo two, as pure functions of seed, size and index.

The task of Schwarzschild et al., "Can You Learn an Algorithm? Generalizing from
Easy to Hard Problems with Recurrent Networks" (NeurIPS 2021).

The bits come from a counter: word `w` of attempt `a` at example `i` is a hash
of (seed, size, i, a, w), the SplitMix64 finalizer applied once per field. That
needs no generator per example, so all examples are made at once and each can
still be made alone.
"""

import numpy as np

from keras_recur._limits import MAX_SIZE
from keras_recur._memory import check_memory
from keras_recur._validation import check_integer, check_name
from keras_recur.data._splits import BUCKETS, NUM_BUCKETS, SPLITS

MAX_ATTEMPTS = 4096
_ENUMERATED_SIZE = 12


def prefix_sum(
    index: int, size: int = 16, split: str = "train", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Makes the string number `index` of a split, without making any other.

    Args:
        index: Which string of the split, 0 or more.
        size: Length of the string in bits, 1 to 1,000,000. Defaults to `16`.
        split: "train", "validation" or "test". Defaults to `"train"`.
        seed: Integer of at least 0 and below 2**64. Defaults to `0`.

    Returns:
        `(x, y)` of shapes `(size, 1)` and `(size,)`, see `prefix_sums`.

    Raises:
        ValueError: If an argument is not as described, or no string
            of this length belongs to the split.

    Reference: Schwarzschild et al., NeurIPS 2021, section "Prefix sums".

    Example:

    >>> x, y = prefix_sum(3, size=8)
    >>> x.shape, y.shape
    ((8, 1), (8,))
    """
    index = check_integer("index", index, 0)
    if index >= 2**64:
        raise ValueError(f"`index` must be below 2**64. Received: {index}.")
    size, split, seed = _check(size, split, seed)
    x, y = _encode(_draw(np.array([index], dtype="uint64"), size, split, seed))
    return x[0], y[0]


def prefix_sums(
    num_examples: int, size: int = 16, split: str = "train", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Makes the first `num_examples` strings of a split and their prefix sums.

    The target at position `t` is the sum of the bits up to and including `t`,
    modulo two. Row `i` equals `prefix_sum(i, size, split, seed)`. The bits are
    fair coins, kept if a hash of the whole string falls into the split's
    buckets: train, validation and test share no string, whatever the length,
    the seeds and the numbers of examples. Within one split a string may repeat.

    Args:
        num_examples: How many strings, 1 or more.
        size: Length of the strings in bits, 1 to 1,000,000. Defaults to `16`.
        split: "train", "validation" or "test". Defaults to `"train"`.
        seed: Integer of at least 0 and below 2**64. Defaults to `0`.

    Returns:
        `(x, y)`: `x` is `float32` of shape `(num_examples, size, 1)`, -0.5 for
        a zero bit and +0.5 for a one; `y` is `int32` of shape
        `(num_examples, size)` in {0, 1}.

    Raises:
        ValueError: If an argument is not as described, or no string
            of this length belongs to the split (as happens for a few bits).

    Reference: Schwarzschild et al., NeurIPS 2021, section "Prefix sums".

    Example:

    >>> x, y = prefix_sums(100, size=16)
    >>> x.shape, y.shape, bool((y[:, 0] == (x[:, 0, 0] > 0)).all())
    ((100, 16, 1), (100, 16), True)
    """
    num_examples = check_integer("num_examples", num_examples, 1)
    size, split, seed = _check(size, split, seed)
    # Bits, inputs in float32 and targets in int32; and the words that are drawn.
    needed = num_examples * (9 * size + 48)
    check_memory("Examples", needed, f"num_examples={num_examples}, size={size}")
    indices = np.arange(num_examples, dtype="uint64")
    return _encode(_draw(indices, size, split, seed))


def _check(size: int, split: str, seed: int) -> tuple[int, str, int]:
    size = check_integer(
        "size", size, 1, "It is the length of a string in bits.", MAX_SIZE
    )
    split = check_name("split", split, SPLITS)
    seed = check_integer("seed", seed, 0)
    if seed >= 2**64:
        raise ValueError(f"`seed` must be below 2**64. Received: {seed}.")
    if (
        size <= _ENUMERATED_SIZE
        and not _belongs(_every_string(size), size, split).any()
    ):
        nearest = next(
            n for n in range(size + 1, 64) if _belongs(_every_string(n), n, split).any()
        )
        raise ValueError(
            f"The split {split!r} is empty for strings of {size} bits: there are "
            f"only {2**size} of them and none belongs to it. The nearest larger "
            f"size with examples in this split is {nearest}."
        )
    return size, split, seed


def _draw(indices: np.ndarray, size: int, split: str, seed: int) -> np.ndarray:
    """Packed strings, `uint64` of shape (examples, words), of one split."""
    num_words = -(-size // 64)
    words = np.arange(num_words, dtype="uint64")
    spare = np.uint64(64 * num_words - size)
    strings = np.zeros((len(indices), num_words), dtype="uint64")
    keys = _hash(_hash(_hash(np.zeros(1, "uint64"), seed), size), indices)
    pending = np.arange(len(indices))
    for attempt in range(MAX_ATTEMPTS):
        tries = _hash(_hash(keys[pending], attempt)[:, None], words[None, :])
        tries[:, -1] >>= spare
        belongs = _belongs(tries, size, split)
        strings[pending[belongs]] = tries[belongs]
        pending = pending[~belongs]
        if not len(pending):
            bits = strings.astype("<u8").view("uint8")
            return np.unpackbits(bits, axis=1, count=size, bitorder="little")
    raise ValueError(
        f"None of {MAX_ATTEMPTS:,} strings of {size} bits drawn for example "
        f"{indices[pending[0]]} belongs to the split {split!r}. Use another "
        "`seed` or a larger `size`."
    )


def _encode(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = bits[:, :, None].astype("float32") - np.float32(0.5)
    y = np.bitwise_xor.accumulate(bits, axis=1).astype("int32")
    return x, y


def _belongs(strings: np.ndarray, size: int, split: str) -> np.ndarray:
    """Which of the packed strings belong to the split.

    The hash is not linear over bits: a CRC would make every test string fulfil
    the same parity equations, and parity is what this task is about.
    """
    digest = _hash(np.zeros(len(strings), dtype="uint64"), size)
    for word in strings.T:
        digest = _hash(digest, word)
    return np.isin(digest % np.uint64(NUM_BUCKETS), BUCKETS[split])


def _every_string(size: int) -> np.ndarray:
    return np.arange(2**size, dtype="uint64")[:, None]


def _hash(state: np.ndarray, value: int | np.ndarray) -> np.ndarray:
    """Mixes `value` into every element of `state` (the SplitMix64 finalizer)."""
    z = (state ^ np.asarray(value, dtype="uint64")) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
