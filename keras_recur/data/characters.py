"""Text as one integer per character."""

import numpy as np

# Newline, printable ASCII, and a last entry for all other characters.
CHARACTERS = "\n" + "".join(map(chr, range(32, 127))) + "\ufffd"

_NUMBERS = {character: number for number, character in enumerate(CHARACTERS)}
_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "--", "…": "...", "\t": " "}
)


def encode_text(text: str) -> np.ndarray:
    """Encode a text as one number per character.

    The 97 numbers stand for the newline, each printable ASCII character, and all other
    characters together. Typographic quotes, dashes and dots are first replaced by
    ASCII.

    Args:
        text: Any text.

    Returns:
        `int32` vector, longer than the text if dashes or dots were replaced.

    Raises:
        ValueError: If `text` is not a string.

    Example:

    >>> keras_recur.data.encode_text("ab c").tolist()
    [66, 67, 1, 68]
    """
    if not isinstance(text, str):
        raise ValueError(
            "`text` must be a string. Received: "
            f"{text!r} (of type {type(text).__name__})."
        )
    other = len(CHARACTERS) - 1
    plain = text.translate(_TYPOGRAPHY)
    return np.array([_NUMBERS.get(c, other) for c in plain], dtype="int32")


def decode_text(tokens: np.ndarray) -> str:
    """Decode numbers to text. This is the inverse of `encode_text`.

    Args:
        tokens: Vector of integers from 0 to 96.

    Raises:
        ValueError: If `tokens` has another shape or other values.

    Example:

    >>> keras_recur.data.decode_text(keras_recur.data.encode_text("to and fro"))
    'to and fro'
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
        raise ValueError(
            "`tokens` must be an array of integers with one axis. Received: an "
            f"array of shape {tokens.shape} and type {tokens.dtype}."
        )
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < len(CHARACTERS):
        raise ValueError(
            f"`tokens` must be integers from 0 to {len(CHARACTERS) - 1}. Received: "
            f"values from {tokens.min()} to {tokens.max()}."
        )
    return "".join(CHARACTERS[token] for token in tokens)
