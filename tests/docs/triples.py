"""Binary numbers times three: a carry runs through the whole string.

The bits of a number come lowest first. The target at each position is the bit of three
times the number, without the bits beyond the string's length.
"""

import numpy as np

from keras_recur.data import Request, register

SPLITS = ("train", "validation", "test")


def shape(size: int) -> tuple[int, ...]:
    """Return the shape of one example."""
    return size, 1


@register(
    name="triples",
    summary="For each bit of a number, lowest first, the bit of three times it.",
    num_classes=2,
    input_shape=shape(16),
    metric="exact_match",
    splits=SPLITS,
    num_examples={"train": 10_000, "validation": 1_000, "test": 1_000},
    source="An example of the documentation",
    size=16,
    shape=shape,
    # Recipes of this library, for every family that fits.
    recipe={
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "epochs": 50,
        "batch_size": 100,
        "clip_norm": 1.0,
        "milestones": (30, 40),
        "source": "not tuned",
    },
    quick_recipe={"epochs": 10, "milestones": (6, 8)},
)
def make(request: Request) -> tuple[np.ndarray, np.ndarray, dict]:
    """Return the first `request.count` numbers of a split and their triples."""
    rng = np.random.default_rng([request.seed, request.size])
    kept: list[np.ndarray] = []
    while len(kept) < request.count:
        bits = rng.integers(2, size=request.size, dtype="uint8")
        # The content decides the split, so that no example is in two of them.
        if split_of(bits) == request.split:
            kept.append(bits)
    bits = np.stack(kept)
    carry = np.zeros(len(bits), dtype="int32")
    y = np.empty(bits.shape, dtype="int32")
    for position in range(request.size):
        total = 3 * bits[:, position] + carry
        y[:, position], carry = total % 2, total // 2
    return bits[..., None].astype("float32") - 0.5, y, {}


def split_of(bits: np.ndarray) -> str:
    """Return the split of a number: an eighth each for validation and test."""
    bucket = np.random.default_rng([len(bits), *bits.tolist()]).integers(8)
    return {0: "test", 1: "validation"}.get(int(bucket), "train")
