"""Python's documentation as text to model, from the standard library.

CPython installs the text, about 370,000 characters, as the module `pydoc_data.topics`.
It differs between versions of Python.
"""

import functools
import hashlib
from typing import Any

import numpy as np

from keras_recur._limits import MAX_SIZE
from keras_recur._validation import check_integer, check_name
from keras_recur.data._splits import SPLITS
from keras_recur.data.characters import CHARACTERS, encode_text
from keras_recur.data.data_spec import register

# Start and end of each split, in percent of the text.
_PARTS = {"train": (0, 85), "validation": (85, 90), "test": (90, 100)}


def python_docs(
    num_examples: int | None = None, size: int = 64, split: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    """Return windows of Python's documentation, and the characters that follow.

    The text contains all topics in the order of their names. Paragraphs that several
    topics repeat are kept once, so that no split contains a paragraph of another. The
    first 85 % of the characters are for training, the next 5 % for validation, and the
    last 10 % for tests. Windows do not overlap or cross splits.

    Args:
        num_examples: Number of windows, from the first. Defaults to `None`: all.
        size: Characters per window, 1 or more. Defaults to `64`.
        split: "train", "validation" or "test". Defaults to `"train"`.

    Returns:
        `(x, y)`, both `int32` of shape `(num_examples, size)`, which `decode_text`
        decodes. `y` is `x`, one character later.

    Raises:
        ValueError: If an argument is invalid, or the split has fewer windows of this
            size.
        FileNotFoundError: If this Python was installed without `pydoc_data`.

    Reference: the text is that of the
        [Python language reference](https://docs.python.org/3/reference/).

    Example:

    >>> x, y = python_docs(2, size=32)
    >>> x.shape, bool((x[0, 1:] == y[0, :-1]).all())
    ((2, 32), True)
    """
    size = check_integer("size", size, 1, "It is the length of a window.", MAX_SIZE)
    first, last = _PARTS[check_name("split", split, SPLITS)]
    tokens = _tokens()
    part = tokens[len(tokens) * first // 100 : len(tokens) * last // 100]
    if len(part) <= size:
        raise ValueError(
            f"The split {split!r} has {len(part):,} characters. Received: size={size}, "
            f"which needs {size + 1:,}. The largest allowed is {len(part) - 1}."
        )
    most = (len(part) - 1) // size
    if num_examples is None:
        num_examples = most
    elif check_integer("num_examples", num_examples, 1) > most:
        raise ValueError(
            f"The split {split!r} has {most:,} windows of {size} characters. Received: "
            f"num_examples={num_examples}. The most allowed is {most}."
        )
    end = num_examples * size
    shape = (num_examples, size)
    return part[:end].reshape(shape), part[1 : end + 1].reshape(shape)


def documentation() -> str:
    """Return the whole text: all topics by name, each paragraph once."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise FileNotFoundError(
            "This Python was installed without the module pydoc_data.topics, whose "
            "text is the data set 'python_docs'. Install the complete standard library "
            "(on Debian and Ubuntu: libpython3-stdlib), or use Python from python.org."
        ) from None
    seen, kept = set(), []
    for name in sorted(topics):
        for paragraph in topics[name].split("\n\n"):
            words = " ".join(paragraph.split())
            if words and words not in seen:
                seen.add(words)
                kept.append(paragraph.strip("\n"))
    return "\n\n".join(kept) + "\n"


def edition() -> dict[str, Any]:
    """Return length and digest of the text, which identify the edition."""
    text = documentation()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"characters": len(text), "sha256": digest[:16]}


@functools.cache
def _tokens():
    tokens = encode_text(documentation())
    tokens.flags.writeable = False
    return tokens


def _shape(size):
    return (size,)


@register(
    name="python_docs",
    summary="Text of Python's documentation: for each character, the next one.",
    num_classes=len(CHARACTERS),
    input_shape=_shape(64),
    metric="accuracy",
    splits=SPLITS,
    num_examples={"train": 4_955, "validation": 291, "test": 583},
    source="The Python Language Reference, as pydoc_data.topics has it",
    size=64,
    shape=_shape,
)
def _make(request):
    r = request
    return *python_docs(r.num_examples, r.size, r.split), edition()
