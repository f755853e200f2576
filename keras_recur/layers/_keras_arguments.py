"""Arguments that Keras interprets: initializers, regularizers, activations."""

from collections.abc import Callable
from typing import Any


def check_keras(
    name: str, value: Any, get: Callable[[Any], Any], optional: bool = True
) -> Any:
    """Return `get(value)` for an argument that Keras interprets."""
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
