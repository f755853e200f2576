"""MNIST-1D: noisy curves of ten templates, hashed from seed, split and index.

The templates and the distortions are those of Greydanus and Kobak
(arXiv:2011.14439). The random numbers are not: each example has its own, so that sets
of any length can be made.
"""

import numpy as np

from keras_recur._memory import check_memory
from keras_recur._validation import check_integer, check_name
from keras_recur.data._hashing import hash_words
from keras_recur.data._splits import SPLITS
from keras_recur.data.data_spec import register

_TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
_DIGITS, _TEMPLATE = 10, 12
_PADDING = (36, 60)  # Fewest and most zeros after a template.
_LENGTH = _TEMPLATE + _PADDING[1]
_SHIFTS = 48
_SCALE, _SHEAR, _SMOOTH, _WHITE = 0.4, 0.75, 0.25, 0.02
_SIZE = 40
_EXAMPLES_AT_ONCE = 4096


def mnist1d(
    num_examples: int, split: str = "train", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make the first `num_examples` curves of a split and their digits.

    Each curve is one of ten templates that resemble the outlines of digits. It is
    padded, stretched, scaled, shifted along a ring, covered with smooth and white
    noise, sheared and sampled at 40 points. Every ten examples in succession have all
    ten digits, in random order.

    Row `i` does not depend on `num_examples`. The noise of each example is drawn from
    its seed, split and index, so splits share no curve. `load("mnist1d")` gives the
    curves of seed 0 with mean 0 and variance 1.

    Args:
        num_examples: Number of curves, 1 or more.
        split: "train", "validation" or "test". Defaults to `"train"`.
        seed: Integer of at least 0 and below 2**64. Defaults to `0`.

    Returns:
        `(x, y)`: `x` is `float32` of shape `(num_examples, 1, 40, 1)`, an image of one
        row that families of images accept. `y` is `int32` of shape `(num_examples,)`,
        0 to 9.

    Raises:
        ValueError: If an argument is invalid.

    Reference: Greydanus & Kobak, "Scaling Down Deep Learning with MNIST-1D", ICML 2024.
    With their 4,000 training examples, they report a test accuracy of 32 % for logistic
    regression, 68 % for a multilayer perceptron, 94 % for a convolutional network and
    91 % for a gated recurrent unit.

    Example:

    >>> x, y = mnist1d(100)
    >>> x.shape, np.bincount(y).tolist()
    ((100, 1, 40, 1), [10, 10, 10, 10, 10, 10, 10, 10, 10, 10])
    """
    num_examples = check_integer("num_examples", num_examples, 1)
    split = check_name("split", split, SPLITS)
    seed = check_integer("seed", seed, 0)
    if seed >= 2**64:
        raise ValueError(f"`seed` must be below 2**64. Received: {seed}.")
    # Curves in float32, and the keys of the labels.
    check_memory("Examples", num_examples * 200, f"num_examples={num_examples}")
    stream = hash_words(np.zeros(1, "uint64"), seed, SPLITS.index(split))
    y = _labels(num_examples, stream)
    x = np.empty((num_examples, _SIZE), "float32")
    for start in range(0, num_examples, _EXAMPLES_AT_ONCE):
        rows = slice(start, min(start + _EXAMPLES_AT_ONCE, num_examples))
        x[rows] = _curves(y[rows], *_drawn(rows, stream))
    return x[:, None, :, None], y


def _labels(count, stream):
    """Return all digits in random order, then all of them in another order."""
    blocks = np.arange(-(-count // _DIGITS), dtype="uint64")[:, None]
    keys = hash_words(stream, 0, blocks, np.arange(_DIGITS, dtype="uint64"))
    return keys.argsort(axis=1).reshape(-1)[:count].astype("int32")


def _drawn(rows, stream):
    """Return four uniform numbers per example, and standard normal noise."""
    indices = np.arange(rows.start, rows.stop, dtype="uint64")[:, None]
    words = np.arange(4 + 4 * _LENGTH, dtype="uint64")
    random = hash_words(stream, 1, indices, words) >> np.uint64(11)
    random = random.astype("float64") / 2**53
    uniform, radius, angle = np.split(random, [4, 4 + 2 * _LENGTH], axis=1)
    # The method of Box and Muller. 1 - radius is never 0.
    noise = np.sqrt(-2 * np.log(1 - radius)) * np.cos(2 * np.pi * angle)
    return uniform, noise.reshape(-1, 2, _LENGTH)


def _curves(y, uniform, noise):
    """Return the distorted templates of the digits."""
    low, high = _PADDING
    padding = low + (uniform[:, :1] * (high - low + 1)).astype(int)
    # Points of the padded templates, which are stretched to equal lengths.
    place = np.linspace(0, 1, _LENGTH) * (_TEMPLATE + padding - 1)
    left = np.minimum(place.astype(int), _TEMPLATE)
    padded = np.pad(_templates(), ((0, 0), (0, 2)))[y]
    before, after = (np.take_along_axis(padded, left + i, 1) for i in (0, 1))
    x = before + (place - left) * (after - before)
    x = np.where(place < _TEMPLATE, x, 0)
    x = x * (1 + _SCALE * (uniform[:, 1:2] - 0.5))
    shift = (uniform[:, 2:3] * _SHIFTS).astype(int)
    ring = (np.arange(_LENGTH) - shift) % _LENGTH
    x, covered = (np.take_along_axis(a, ring, 1) for a in (x, place < _TEMPLATE))
    smooth = _SMOOTH * noise[:, 0] @ _smoothing().T
    x = np.where(covered, x, smooth) + _WHITE * noise[:, 1]
    x -= _SHEAR * (uniform[:, 3:] - 0.5) * np.linspace(-0.5, 0.5, _LENGTH)
    place = np.linspace(0, _LENGTH - 1, _SIZE)
    left = np.minimum(place.astype(int), _LENGTH - 2)
    return x[:, left] + (place - left) * (x[:, left + 1] - x[:, left])


def _templates():
    found = np.array(_TEMPLATES, "float64")
    found -= found.mean(axis=1, keepdims=True)
    found /= found.std(axis=1, keepdims=True)
    return (found - found[:, :1]) / 6


def _smoothing(deviation=2, radius=8):
    """Return the matrix of a Gaussian filter that reflects at the ends."""
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    rows = np.pad(np.eye(_LENGTH), ((0, 0), (radius, radius)), mode="symmetric")
    return np.stack([np.convolve(row, kernel, "valid") for row in rows], axis=1)


@register(
    name="mnist1d",
    summary="Curves that resemble the outlines of digits, as images of one row.",
    num_classes=10,
    input_shape=(1, _SIZE, 1),
    metric="accuracy",
    splits=SPLITS,
    num_examples={"train": 4_000, "validation": 1_000, "test": 1_000},
    source="Greydanus & Kobak, Scaling Down Deep Learning with MNIST-1D, ICML 2024",
    # Of 250,000 curves.
    mean=(-0.0061,),
    std=(0.1547,),
    white=1,
    package="keras_recur",
    # Quick, resnet_bn of width 8 and 3 iterations, one seed on PyTorch: 93.3 %
    # (recurrent) and 94.8 % (feed-forward). The full recipe is not measured.
    recipe={
        "optimizer": "adam",
        "learning_rate": 2e-3,
        "epochs": 60,
        "batch_size": 100,
        "clip_norm": 1.0,
        "milestones": (40, 50),
        "source": "not from a paper; measured in its quick form only",
    },
    quick_recipe={"epochs": 20, "milestones": (14, 18)},
)
def _make(request):
    return *mnist1d(request.count, request.split), {}
