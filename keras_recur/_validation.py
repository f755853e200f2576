"""Checks of arguments. Each error says which values are allowed.

NumPy is imported inside functions, because the help of the command line needs no NumPy.
"""

import contextlib
import difflib
import math
import numbers
import operator
from collections.abc import Callable, Iterable
from typing import Any


def check_positive_int(name: str, value: Any) -> int:
    """Return `value` as a positive `int`."""
    return check_integer(name, value, 1)


def check_integer(
    name: str, value: Any, minimum: int, hint: str = "", maximum: int | None = None
) -> int:
    """Return `value` as an `int` from `minimum` to `maximum`; booleans are refused."""
    import numpy as np

    allowed = f"`{name}` must be an integer of at least {minimum}."
    if minimum == 1:
        allowed = f"`{name}` must be a positive integer, 1 or more."
    if maximum is not None:
        allowed = f"`{name}` must be an integer from {minimum} to {maximum}."
    hint = f" {hint}" if hint else ""
    try:
        if isinstance(value, bool | np.ndarray):
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
    nearest = max(number, minimum)
    nearest = nearest if maximum is None else min(nearest, maximum)
    if number != nearest:
        raise ValueError(
            f"{allowed} Received: {name}={number}. The nearest allowed value is "
            f"{nearest}.{hint}"
        )
    return number


def check_number(
    name: str,
    value: Any,
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
    hint: str = "",
) -> float:
    """Return `value` as a finite `float`; `above` and `below` are exclusive bounds."""
    import numpy as np

    bounds = [
        f"{what} {bound:g}"
        for what, bound in (
            ("at least", minimum),
            ("above", above),
            ("at most", maximum),
            ("below", below),
        )
        if bound is not None
    ]
    number = float("nan")
    if isinstance(value, numbers.Real | np.generic) and not isinstance(
        value, bool | np.bool_
    ):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    right = (
        math.isfinite(number)
        and (minimum is None or number >= minimum)
        and (maximum is None or number <= maximum)
        and (above is None or number > above)
        and (below is None or number < below)
    )
    if right:
        return number
    allowed = f" {' and '.join(bounds)}" if bounds else ""
    if minimum is not None and len(bounds) == 1:
        allowed = f" of {minimum:g} or more"
    raise ValueError(
        f"`{name}` must be a finite number{allowed}. Received: {name}={value!r} "
        f"(of type {type(value).__name__}).{f' {hint}' if hint else ''}"
    )


def check_string(name: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return str(value)
    raise ValueError(
        f"`{name}` must be a nonempty string. Received: {name}={value!r} (of type "
        f"{type(value).__name__})."
    )


def check_sequence(
    name: str,
    value: Any,
    check: Callable[[str, Any], Any] = lambda name, value: value,
    minimum: int = 0,
) -> list[Any]:
    """Return a list, tuple, range or array of one axis as a list of checked items."""
    import numpy as np

    array = isinstance(value, np.ndarray) and value.ndim == 1
    if not isinstance(value, list | tuple | range) and not array:
        raise ValueError(
            f"`{name}` must be a list or tuple. Received: {name}={value!r} (of type "
            f"{type(value).__name__})."
        )
    if len(value) < minimum:
        raise ValueError(
            f"`{name}` must have at least {minimum} "
            f"{'item' if minimum == 1 else 'items'}. Received: {name}={value!r}."
        )
    return [check(f"{name}[{i}]", item) for i, item in enumerate(value)]


def check_type(name: str, value: Any, kind: Any, what: str) -> Any:
    """Return `value` if it is an instance of `kind`; errors call the type `what`."""
    if isinstance(value, kind):
        return value
    shown = repr(value)
    shown = shown if len(shown) <= 200 else f"{shown[:200]}..."
    raise ValueError(
        f"`{name}` must be {what}. Received: {name}={shown} (of type "
        f"{type(value).__name__})."
    )


def check_keywords(name: str, value: Any) -> dict[str, Any]:
    """Return `value` if it is a dictionary whose keys are strings."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    raise ValueError(
        f"`{name}` must be a dictionary with names of arguments as keys. Received: "
        f"{name}={value!r} (of type {type(value).__name__})."
    )


def check_callable(name: str, value: Any) -> Any:
    if callable(value):
        return value
    raise ValueError(
        f"`{name}` must be callable. Received: {name}={value!r} (of type "
        f"{type(value).__name__})."
    )


def check_strength(name: str, value: Any) -> float:
    """Return `value` as a finite `float` of at least 0."""
    return check_number(name, value, 0, hint="0 switches it off.")


def check_one_of(name: str, value: Any, allowed: Iterable[Any]) -> Any:
    """Return `value` if it is allowed, or suggest the nearest allowed value."""
    allowed = list(allowed)
    # Compare types too: arrays compare elementwise, and True equals 1.
    for a in allowed:
        if isinstance(value, type(a)) and not _mistaken_bool(value, a) and value == a:
            return a
    raise ValueError(
        f"Unknown value for `{name}`. Received: {name}={value!r}. "
        f"Allowed: {', '.join(repr(a) for a in allowed)}."
        f"{nearest(value, allowed)}"
    )


def _mistaken_bool(value, allowed):
    return isinstance(value, bool) and not isinstance(allowed, bool)


def check_name(kind: str, value: Any, allowed: Iterable[str]) -> str:
    """Return a name; errors call it by its kind, such as "data set"."""
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
    """Return `value` as a `bool`; 0 and 1 are refused."""
    import numpy as np

    if isinstance(value, bool | np.bool_):
        return bool(value)
    number = isinstance(value, int | np.integer) and value in (0, 1)
    fix = f" Did you mean {bool(value)}?" if number else ""
    raise ValueError(
        f"`{name}` must be True or False. Received: {name}={value!r} "
        f"(of type {type(value).__name__}).{fix}"
    )


def nearest(value: Any, allowed: Iterable[Any]) -> str:
    """Return " Did you mean ...?" with the nearest value, or an empty string."""
    names = [a for a in allowed if isinstance(a, str)]
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def check_hierarchy(hierarchy: Any, classes: int | None = None) -> list[int]:
    """Return the superclass of each class as integers; `classes` is their number."""
    try:
        if isinstance(hierarchy, str | set | frozenset | dict):
            raise TypeError  # These are unordered or not integers.
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
