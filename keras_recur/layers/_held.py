"""A user's functions and objects, which are passed to a copy by reference."""

import contextlib
import functools
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_recur.layers._walk import walk

# Objects of these packages have a config, or are not part of any config.
_OURS = ("keras", "keras_recur")
_KNOWN = {*_OURS, "numpy", "tensorflow", "jax", "jaxlib", "torch"}
_KNOWN |= sys.stdlib_module_names
_numbers = itertools.count()
_values: dict[int, Any] = {}


class Held:
    """Replace an object without a registered name while configs are read."""

    def __init__(self, value: Any):
        self.value = value
        self.number = next(_numbers)
        _values[self.number] = value

    def __call__(self, *args, **kwargs):
        return self.value(*args, **kwargs)

    def __getattr__(self, name):
        # Keras looks up the last two on every object that it serializes.
        if name in ("value", "get_build_config", "get_compile_config"):
            raise AttributeError(name)
        return getattr(self.value, name)

    def get_config(self) -> dict[str, Any]:
        return {"number": self.number}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return _values[config["number"]]


def is_held(config: Any) -> bool:
    """Return whether a part of a config is a serialized `Held`."""
    return isinstance(config, dict) and config.get("class_name") == Held.__name__


@contextlib.contextmanager
def held(block: keras.layers.Layer) -> Iterator[dict[str, Any]]:
    """Make the block's configs refer to objects by number; yield the custom objects."""
    classes: dict[str, Any] = {Held.__name__: Held}
    before, holders = [], []

    def hold(value):
        holders.append(Held(value))
        return holders[-1]

    for owner in list(_owners(block)):
        _add_class(classes, type(owner))
        for name, value in list(vars(owner).items()):
            if hasattr(type(owner), name):  # Keras wraps methods, such as `build`.
                continue
            new = _replaced(value, hold, classes, _package(type(owner)) in _OURS)
            if new is not value:
                before.append((vars(owner), name, value))
                vars(owner)[name] = new
    try:
        yield classes
    finally:
        for attributes, name, value in before:
            attributes[name] = value
        for holder in holders:
            del _values[holder.number]


def _owners(block) -> Iterator[Any]:
    """Yield every layer of the block, and every operation of a Functional in it."""
    for layer in walk(block):
        yield layer
        for operation in getattr(layer, "operations", None) or ():
            if not isinstance(operation, keras.layers.Layer):
                yield operation
        for transition in getattr(layer, "transitions", None) or ():
            yield from _owners(getattr(transition, "layer", None))


def _replaced(
    value: Any, hold: Callable[[Any], Held], classes: dict[str, Any], ours: bool
) -> Any:
    """Return the value with holders in it, or itself if there is nothing to hold."""
    if isinstance(value, dict):
        new = {k: _replaced(v, hold, classes, ours) for k, v in value.items()}
        return new if any(new[k] is not v for k, v in value.items()) else value
    if isinstance(value, list | tuple):
        items = [_replaced(v, hold, classes, ours) for v in value]
        same = all(a is b for a, b in zip(items, value, strict=True))
        return value if same else tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, keras.layers.Layer | keras.Variable | Held):
        return value
    package = _package(value)
    # A user's layer may use Keras's functions without reading their names.
    if not ours and package in _OURS and inspect.isfunction(value):
        return hold(value)
    if package in _OURS or (package in _KNOWN and not callable(value)):
        return value
    if isinstance(value, keras.initializers.Initializer) and _seed(value) is not None:
        _add_class(classes, type(value))  # Each copy gets its own seed.
        return value
    if callable(value) or not hasattr(value, "get_config"):
        return hold(value)
    _add_class(classes, type(value))
    return value


def _package(value: Any) -> str:
    if isinstance(value, functools.partial):
        return ""
    kind = value if hasattr(value, "__qualname__") else type(value)
    return (getattr(kind, "__module__", None) or "builtins").partition(".")[0]


def _seed(initializer: Any) -> Any:
    seed = initializer.get_config().get("seed")
    return seed if isinstance(seed, int) else None


def _add_class(classes: dict[str, Any], kind: type) -> None:
    if _package(kind) == "keras":
        return
    if classes.setdefault(kind.__name__, kind) is not kind:
        raise ValueError(
            "The classes in a block must have different names to be copied. "
            f"Received: two classes named {kind.__name__!r}. Rename one of them."
        )
