"""Checks of the values that a search chooses from."""

import functools
import numbers
from collections.abc import Callable, Iterable
from typing import Any

from keras_recur._limits import MAX_SIZE, check_size
from keras_recur._validation import check_number, check_sequence


def several(name: str, given: Any, check: Callable[[str, Any], Any]) -> list[Any]:
    """Return one value or several as a list of checked, distinct values."""
    values = [given] if isinstance(given, str | bytes | numbers.Real) else given
    if not isinstance(values, Iterable):
        check_sequence(name, values)
    found = list(dict.fromkeys(check(name, value) for value in values))
    if not found:
        raise ValueError(f"`{name}` must contain at least one value. Received: none.")
    return found


def sizes(name: str, values: Any, maximum: int = MAX_SIZE) -> list[int]:
    """Return positive integers in ascending order."""
    return sorted(several(name, values, functools.partial(check_size, maximum=maximum)))


def check_rates(given: Any) -> list[float] | tuple[float, float]:
    """Return learning rates: a list to choose from, or the range `(low, high)`."""

    def check(name, value):
        return check_number(
            name, value, above=0, hint="It may be a list, or a tuple (low, high)."
        )

    values = several("learning_rate", given, check)
    if not isinstance(given, tuple):
        return values
    if len(given) != 2 or len(values) != 2 or values != sorted(values):
        raise ValueError(
            "A range of `learning_rate` must be a tuple (low, high), with low below "
            f"high. Received: learning_rate={given!r}."
        )
    return values[0], values[1]
