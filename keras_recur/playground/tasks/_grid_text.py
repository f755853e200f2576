"""Grids as text, with one character per cell."""

import numpy as np

from keras_recur.playground.tasks.task import check_value_size


def parse_grid(
    text: str, characters: str, name: str, largest: int, smallest: int
) -> np.ndarray:
    """Return the codes of a square grid. `characters[code]` is the sign of a code."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    check_value_size(name, len(lines), (smallest, largest), "lines")
    for number, line in enumerate(lines, 1):
        if len(line) != len(lines):
            raise ValueError(
                f"{name} must be square: {len(lines)} lines need {len(lines)} "
                f"characters each. Line {number} has {len(line)}."
            )
        wrong = set(line) - set(characters)
        if wrong:
            raise ValueError(
                f"{name} may contain only the characters {' '.join(characters)}. "
                f"Received: {min(wrong)!r} in line {number}."
            )
    return np.array([[characters.index(c) for c in line] for line in lines], "uint8")


def grid_text(codes: np.ndarray, characters: str) -> str:
    """Return codes as text, one line per row."""
    return "\n".join("".join(characters[code] for code in row) for row in codes)
