"""One walk over a model, for all who look for something in it."""

from collections.abc import Iterator
from typing import Any

import keras


def walk(layer: Any) -> Iterator[Any]:
    """Yield a layer and every layer in it, at any depth, each once.

    Nested models, blocks of loops, banks and wrapped layers are included, and so are
    the prototypes of loops with template banks, which Keras does not track. An object
    that is not a Keras layer yields nothing.
    """
    seen: set[int] = set()
    waiting = [layer] if isinstance(layer, keras.layers.Layer) else []
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        inner = found._flatten_layers(include_self=False, recursive=False)
        if hasattr(found, "untracked_layers"):
            inner = [*inner, *found.untracked_layers()]
        waiting[:0] = inner
