"""Arguments that Keras interprets: initializers, regularizers, activations."""

from collections.abc import Callable
from typing import Any


def check_keras(
    name: str, value: Any, get: Callable[[Any], Any], optional: bool = True
) -> Any:
    """Return `get(value)` for an argument that Keras interprets.

    Args:
        name: Name of the argument, for the error.
        value: `None`, a name, a config or a callable.
        get: A function such as `keras.initializers.get`.
        optional: Whether `None` is allowed.

    Raises:
        ValueError: If Keras does not know the value, or it is not callable.
    """
    kind = get.__module__.rsplit(".", 1)[-1]
    found = None
    known = value is None or isinstance(value, str | dict) or callable(value)
    if known or hasattr(value, "shape"):  # Arrays can be initializers.
        try:
            found = get(value)
        except (TypeError, ValueError):
            found = None
        if callable(found) or (value is None and optional):
            return found
    raise ValueError(
        f"`{name}` must be one of keras.{kind}, by name or as an object, or a "
        f"function. Received: {name}={value!r} (of type {type(value).__name__})."
    )
