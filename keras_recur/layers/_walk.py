"""Find layers in a model."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_recur._keras import inner_layers


def walk(layer: Any) -> Iterator[Any]:
    """Yield a layer and every layer in it, at any depth, each once."""
    seen: set[int] = set()
    waiting = [layer] if isinstance(layer, keras.layers.Layer) else []
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        inner = inner_layers(found)
        # Keras does not track the prototypes of loops with template banks.
        if hasattr(found, "untracked_layers"):
            inner += found.untracked_layers()
        waiting[:0] = inner


def loops_in(layer: Any) -> Iterator[Any]:
    """Yield every `SharedRecurrentBlock` and `RecurrentGraph`, at any depth."""
    # The loops themselves import this module.
    from keras_recur.layers.recurrent_graph import RecurrentGraph
    from keras_recur.layers.shared_recurrent_block import SharedRecurrentBlock

    loops = RecurrentGraph | SharedRecurrentBlock
    return (found for found in walk(layer) if isinstance(found, loops))


def banks_in(layer: Any) -> Iterator[Any]:
    """Yield every `TemplateBank`, at any depth."""
    from keras_recur.layers.template_bank import TemplateBank

    return (found for found in walk(layer) if isinstance(found, TemplateBank))
