"""Text as integers: one number per character, from an alphabet that never changes."""

import numpy as np

# A newline, printable ASCII, and a last entry for everything else.
CHARACTERS = "\n" + "".join(map(chr, range(32, 127))) + "\ufffd"

_NUMBERS = {character: number for number, character in enumerate(CHARACTERS)}
_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "--", "…": "...", "\t": " "}
)


def encode_text(text: str) -> np.ndarray:
    """The numbers of a text's characters.

    There are 97: the newline, printable ASCII, and one for all others. Typographic
    quotes, dashes and dots are written in ASCII first.

    Args:
        text: Any text.

    Returns:
        `int32` array; of the text's length, unless it has dashes or dots of that kind.

    Raises:
        ValueError: if `text` is no text.

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
    """The text of some numbers: `encode_text` backwards.

    Args:
        tokens: Integers from 0 to 96, of one text.

    Returns:
        The text.

    Raises:
        ValueError: for numbers that stand for no character.

    Example:

    >>> keras_recur.data.decode_text(keras_recur.data.encode_text("to and fro"))
    'to and fro'
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
        raise ValueError(
            "`tokens` must be the integers of one text, in one axis. Received: an "
            f"array of shape {tokens.shape} and type {tokens.dtype}."
        )
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < len(CHARACTERS):
        raise ValueError(
            f"Characters have numbers from 0 to {len(CHARACTERS) - 1}. Received: "
            f"{tokens.min()} to {tokens.max()}."
        )
    return "".join(CHARACTERS[token] for token in tokens)
