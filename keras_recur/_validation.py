"""Checks of arguments, shared by every room: each error says what would be right."""

import difflib
import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any


def check_positive_int(name: str, value: Any) -> int:
    """Returns `value` as an `int`, or says why it is no positive whole number."""
    return check_integer(name, value, 1)


def check_integer(name: str, value: Any, minimum: int, hint: str = "") -> int:
    """Returns `value` as an `int` of at least `minimum`, or says why it is none.

    Booleans and floats are refused, NumPy's integers allowed. The hint is a sentence
    that is added to the message.
    """
    allowed = f"`{name}` must be an integer of at least {minimum}."
    if minimum == 1:
        allowed = f"`{name}` must be a positive integer, 1 or more."
    hint = f" {hint}" if hint else ""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        fix = ""
        if isinstance(value, float) and value.is_integer() and value >= minimum:
            fix = f" Did you mean `{name}={int(value)}`?"
        raise ValueError(
            f"{allowed} Received: {name}={value!r} (of type {type(value).__name__})."
            f"{fix}{hint}"
        ) from None
    if number < minimum:
        raise ValueError(
            f"{allowed} Received: {name}={number}. The nearest allowed value is "
            f"{minimum}.{hint}"
        )
    return number


def check_strength(name: str, value: Any) -> float:
    """Returns `value` as a `float`, or says why it is no finite number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(
            f"`{name}` must be a number of 0 or more. Received: {name}={value!r} "
            f"(of type {type(value).__name__})."
        )
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(
            f"`{name}` must be a finite number of 0 or more. Received: "
            f"{name}={value!r}. 0 switches it off."
        )
    return number


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


def check_name(kind: str, value: Any, allowed: Iterable[str]) -> str:
    """As `check_one_of`, for what is called by its kind: "data set", "split"."""
    allowed = list(allowed)
    listed = ", ".join(repr(name) for name in allowed)
    if not isinstance(value, str):
        raise ValueError(
            f"The {kind} must be a string, one of: {listed}. "
            f"Received: {value!r} (of type {type(value).__name__})."
        )
    if value in allowed:
        return value
    fix = nearest(value.lower(), allowed)
    raise ValueError(f"Unknown {kind}: {value!r}.{fix} Allowed values are: {listed}.")


def check_flag(name: str, value: Any) -> bool:
    """Returns `value` if it is True or False, or says that it is neither."""
    if isinstance(value, bool):
        return value
    raise ValueError(
        f"`{name}` must be True or False. Received: {name}={value!r} "
        f"(of type {type(value).__name__}). Did you mean {bool(value)}?"
    )


def nearest(value: Any, allowed: Iterable[Any]) -> str:
    """The sentence " Did you mean ...?", or nothing where nothing is near."""
    names = [a for a in allowed if isinstance(a, str)]
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def check_hierarchy(hierarchy: Any, classes: int | None = None) -> list[int]:
    """Returns the superclass of every class as integers, or says what is wrong.

    With `classes`, it must be that many.
    """
    try:
        found = [check_integer("hierarchy", h, 0) for h in hierarchy]
    except TypeError:
        raise ValueError(
            "`hierarchy` must be the superclass of every class, a sequence of integers "
            f"from 0. Received: hierarchy={hierarchy!r}."
        ) from None
    if not found or set(found) != set(range(max(found) + 1)):
        missing = sorted(set(range(max(found, default=0))) - set(found))
        raise ValueError(
            "`hierarchy` must use every superclass from 0 to the largest. Received: "
            f"hierarchy={found}"
            + (f", without {', '.join(map(str, missing))}." if missing else ".")
        )
    if classes is not None and classes != len(found):
        raise ValueError(
            f"`hierarchy` must name a superclass for each of the {classes} classes. "
            f"Received: {len(found)} of them."
        )
    return found
