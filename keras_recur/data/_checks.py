"""Argument checks shared by the data room: each error names the nearest fix."""

import difflib
import operator
from collections.abc import Iterable
from typing import Any


def check_integer(name: str, value: Any, minimum: int, hint: str = "") -> int:
    """Returns `value` as an `int` that is at least `minimum`, or raises.

    Args:
        name: Name of the argument, for the message.
        value: What the user gave. Booleans and floats are refused; NumPy
            integers are allowed.
        minimum: The smallest value allowed.
        hint: More about what is allowed, appended to the message.

    Returns:
        The value as a plain `int`.

    Raises:
        ValueError: If `value` is no integer or smaller than `minimum`.
    """
    hint = f" {hint}" if hint else ""
    allowed = f"`{name}` must be an integer of at least {minimum}."
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        fix = ""
        if isinstance(value, float) and value.is_integer():
            fix = f" Did you mean {int(value)}?"
        raise ValueError(
            f"{allowed} Received: {value!r} (of type {type(value).__name__})."
            f"{fix}{hint}"
        ) from None
    if number < minimum:
        raise ValueError(
            f"{allowed} Received: {number}. The nearest allowed value is "
            f"{minimum}.{hint}"
        )
    return number


def check_name(kind: str, value: Any, allowed: Iterable[str]) -> str:
    """Returns `value` if it is one of `allowed`, or raises with the nearest one.

    Args:
        kind: What is being chosen ("split", "data set"), for the message.
        value: What the user gave.
        allowed: The names to choose from.

    Returns:
        The value, unchanged.

    Raises:
        ValueError: If `value` is not one of `allowed`.
    """
    allowed = list(allowed)
    listed = ", ".join(repr(name) for name in allowed)
    if not isinstance(value, str):
        raise ValueError(
            f"The {kind} must be a string, one of: {listed}. "
            f"Received: {value!r} (of type {type(value).__name__})."
        )
    if value in allowed:
        return value
    close = difflib.get_close_matches(value.lower(), allowed, n=1, cutoff=0.5)
    fix = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"Unknown {kind}: {value!r}.{fix} Allowed values are: {listed}.")


def check_flag(name: str, value: Any) -> bool:
    """Returns `value` if it is True or False, or raises.

    Args:
        name: Name of the argument, for the message.
        value: What the user gave.

    Returns:
        The value, unchanged.

    Raises:
        ValueError: If `value` is anything else.
    """
    if isinstance(value, bool):
        return value
    raise ValueError(
        f"`{name}` must be True or False. Received: {value!r} "
        f"(of type {type(value).__name__}). Did you mean {bool(value)}?"
    )
