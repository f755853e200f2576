"""Checks of the options of shortest_paths."""

import numbers
import operator
from typing import Any

DEFAULT_WINDOW = 21
DEFAULT_DENSITY = 0.1
DEFAULT_CONNECTIVITY = 4


def check_window(window: Any, size: int) -> int:
    """Return the window to use in grids of a size, or raise."""
    largest = 2 * size - 1
    if window is None:
        return min(DEFAULT_WINDOW, largest)
    rule = (
        f"The `window` must be an odd integer from 3 to {largest} (2 * size - 1, "
        "which leaves no pair of points out)."
    )
    number = _integer(window)
    if number is None:
        raise ValueError(
            f"{rule} Received: {window!r} (of type {type(window).__name__}). "
            "The paper's are 5, 9, 13, 17 and 21."
        )
    if not 3 <= number <= largest:
        near = 3 if number < 3 else largest
        raise ValueError(
            f"{rule} Received: {number}. The nearest allowed window is {near}."
        )
    if number % 2 == 0:
        near = f"{number - 1} and {number + 1}"
        raise ValueError(f"{rule} Received: {number}. The nearest are {near}.")
    return number


def check_density(density: Any) -> float:
    """Return the probability of an obstacle as a `float`, or raise."""
    rule = "The `density` of obstacles must be a number of at least 0 and below 1."
    if isinstance(density, bool) or not isinstance(density, numbers.Real):
        raise ValueError(
            f"{rule} Received: {density!r} (of type {type(density).__name__}). "
            f"The paper's is {DEFAULT_DENSITY}."
        )
    number = float(density)
    if not 0 <= number < 1:
        near = "nearest allowed value is 0" if number < 0 else "paper's is 0.1"
        raise ValueError(f"{rule} Received: {density!r}. The {near}.")
    return number


def check_connectivity(connectivity: Any) -> int:
    """Return the number of neighbors of a cell, 4 or 8, or raise."""
    number = _integer(connectivity)
    if number not in (4, 8):
        raise ValueError(
            "The `connectivity` must be the integer 4 (steps to the sides) or 8 "
            f"(diagonal ones too). Received: {connectivity!r} "
            f"(of type {type(connectivity).__name__})."
        )
    return number


def _integer(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def check_density_option(density: Any, size: int) -> float:
    """Return the density, by default the paper's. `size` is unused."""
    del size
    return check_density(DEFAULT_DENSITY if density is None else density)


def check_connectivity_option(connectivity: Any, size: int) -> int:
    """Return the connectivity, by default 4. `size` is unused."""
    del size
    return check_connectivity(
        DEFAULT_CONNECTIVITY if connectivity is None else connectivity
    )
