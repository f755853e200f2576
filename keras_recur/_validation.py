"""Checks of arguments, shared by every room: each error says what would be right."""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any


def check_positive_int(name: str, value: Any) -> int:
    """Returns `value` as an `int`, or says why it is no positive whole number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        hint = ""
        if isinstance(value, float) and value.is_integer() and value > 0:
            hint = f" Did you mean `{name}={int(value)}`?"
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r} "
            f"(of type {type(value).__name__}).{hint}"
        )
    if value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer, 1 or more. "
            f"Received: {name}={value!r}."
        )
    return int(value)


def check_strength(name: str, value: Any) -> float:
    """Returns `value` as a `float`, or says why it is no finite number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(
            f"`{name}` must be a number of 0 or more. Received: {name}={value!r} "
            f"(of type {type(value).__name__})."
        )
    if not 0 <= value < math.inf:
        raise ValueError(
            f"`{name}` must be a finite number of 0 or more. Received: "
            f"{name}={value!r}. 0 switches it off."
        )
    return float(value)


def check_one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Returns `value`, or says what is allowed and which of it comes nearest."""
    allowed = list(allowed)
    if value in allowed:
        return value
    raise ValueError(
        f"Unknown value for `{name}`. Received: {name}={value!r}. "
        f"Allowed: {', '.join(repr(a) for a in allowed)}."
        f"{nearest(value, allowed)}"
    )


def nearest(value: Any, allowed: Iterable[Any]) -> str:
    """The sentence " Did you mean ...?", or nothing where nothing is near."""
    names = [a for a in allowed if isinstance(a, str)]
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
