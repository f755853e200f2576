"""Prefix sums of bits modulo two, hashed from seed, size and index."""

import numpy as np

from keras_recur._limits import MAX_SIZE
from keras_recur._memory import check_memory
from keras_recur._validation import check_integer, check_name
from keras_recur.data._hashing import belongs_to_split, hash_words
from keras_recur.data._splits import SPLITS
from keras_recur.data.data_spec import register

MAX_ATTEMPTS = 4096
_ENUMERATED_SIZE = 12


def prefix_sums(
    num_examples: int, size: int = 16, split: str = "train", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make the first `num_examples` strings of a split and their prefix sums.

    The target at position `t` is the sum of the bits up to and including `t`, modulo
    two. The bits are drawn uniformly. Row `i` does not depend on `num_examples`. Splits
    share no string, whatever the other arguments. Within a split, strings may repeat.

    Args:
        num_examples: Number of strings, 1 or more.
        size: Length of the strings in bits, 1 to 1,000,000. Defaults to `16`.
        split: "train", "validation" or "test". Defaults to `"train"`.
        seed: Integer of at least 0 and below 2**64. Defaults to `0`.

    Returns:
        `(x, y)`: `x` is `float32` of shape `(num_examples, size, 1)`, -0.5 for a zero
        bit and +0.5 for a one. `y` is `int32` of shape `(num_examples, size)`,
        0 or 1.

    Raises:
        ValueError: If an argument is invalid, or no string of this length belongs to
            the split, as happens for a few bits.

    Reference: Schwarzschild et al., "Can You Learn an Algorithm? Generalizing from Easy
    to Hard Problems with Recurrent Networks", NeurIPS 2021, section "Prefix sums".

    Example:

    >>> x, y = prefix_sums(100, size=16)
    >>> x.shape, y.shape, bool((y[:, 0] == (x[:, 0, 0] > 0)).all())
    ((100, 16, 1), (100, 16), True)
    """
    num_examples = check_integer("num_examples", num_examples, 1)
    size, split, seed = _check(size, split, seed)
    # Bits, inputs in float32, targets in int32, and the random words.
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
        and not belongs_to_split(_every_string(size), size, split).any()
    ):
        nearest = next(
            n
            for n in range(size + 1, 64)
            if belongs_to_split(_every_string(n), n, split).any()
        )
        raise ValueError(
            f"The split {split!r} is empty for strings of {size} bits: there are "
            f"only {2**size} of them and none belongs to it. The nearest larger "
            f"size with examples in this split is {nearest}."
        )
    return size, split, seed


def _draw(indices: np.ndarray, size: int, split: str, seed: int) -> np.ndarray:
    """Return the bits of strings of one split, of shape (examples, size)."""
    # Hashes of (seed, size, index, attempt, word) draw all examples at once.
    num_words = -(-size // 64)
    words = np.arange(num_words, dtype="uint64")
    spare = np.uint64(64 * num_words - size)
    strings = np.zeros((len(indices), num_words), dtype="uint64")
    keys = hash_words(np.zeros(1, "uint64"), seed, size, indices)
    pending = np.arange(len(indices))
    for attempt in range(MAX_ATTEMPTS):
        tries = hash_words(keys[pending, None], attempt, words[None, :])
        tries[:, -1] >>= spare
        belongs = belongs_to_split(tries, size, split)
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


def _every_string(size: int) -> np.ndarray:
    return np.arange(2**size, dtype="uint64")[:, None]


def _shape(size):
    return size, 1


@register(
    name="prefix_sums",
    summary="For each bit of a string, the parity of all bits up to it.",
    num_classes=2,
    input_shape=_shape(16),
    metric="exact_match",
    splits=SPLITS,
    num_examples={"train": 10_000, "validation": 10_000, "test": 10_000},
    source="Schwarzschild et al., Can You Learn an Algorithm?, NeurIPS 2021",
    size=16,
    shape=_shape,
)
def _make(request):
    r = request
    return *prefix_sums(r.count, r.size, r.split, r.seed), {}
