"""Find the template banks of a model, and copy a model with some layers changed."""

from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_recur._keras import copying_layers
from keras_recur.analysis._logits import check_model
from keras_recur.inference._graph import functional_copy
from keras_recur.layers import SharedRecurrentBlock, TemplateBank
from keras_recur.layers._held import held
from keras_recur.layers._walk import banks_in


def banks_of(
    model: keras.Model, prefix: str = ""
) -> Iterator[tuple[str, TemplateBank]]:
    """Yield the name and the object of each template bank, nested models included."""
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, SharedRecurrentBlock):
            for bank in layer.banks:
                yield f"{prefix}{layer.name}/{bank.name}", bank
        elif isinstance(layer, TemplateBank):
            yield f"{prefix}{layer.name}", layer
        elif isinstance(layer, keras.Model):
            yield from banks_of(layer, f"{prefix}{layer.name}/")


def names_in(model: keras.Model) -> Iterator[str]:
    """Yield the names of all layers, nested models included."""
    for layer in getattr(model, "layers", ()):
        yield layer.name
        yield from names_in(layer)


def require_banks(model: Any) -> dict[str, TemplateBank]:
    """Return the banks of a model by name, or raise an error if it has none."""
    check_model(model)
    found = dict(banks_of(model))
    hidden = {id(bank): bank for bank in banks_in(model)}
    for bank in found.values():
        hidden.pop(id(bank), None)
    if hidden:
        names = ", ".join(repr(bank.path) for bank in hidden.values())
        raise ValueError(
            "Template banks must be in the model's own graph, in one of its loops, or "
            f"in a nested model. Received: {model.name!r} with banks inside of other "
            f"layers: {names}. Call these banks in the graph itself."
        )
    if not found:
        raise ValueError(
            f"The model has no template bank. Received: {model.name!r} with layers "
            f"{[layer.name for layer in model.layers]}. Build one with "
            "zoo.build(..., templates=k), or convert a trained network with "
            "analysis.convert_to_template_bank."
        )
    return found


def rebuilt(
    model: keras.Model,
    change: Callable[[Any], Any],
    call: Callable[..., Any] | None = None,
) -> keras.Model:
    """Return a copy of a model; `change` returns a new layer, or `None` to copy it."""
    functional = functional_copy(model)
    copies = []

    def copy(layer):
        new = change(layer)
        if new is not None:
            return new
        if has_graph(layer):
            # On PyTorch, Keras zeroes gradients by path, so paths must differ.
            with keras.name_scope(layer.name):
                return rebuilt(layer, change, call)
        # The layer may also be the block of a loop, or a head.
        new = objects.get(id(layer)) or type(layer).from_config(layer.get_config())
        objects[id(layer)] = new
        copies.append((layer, new))
        return new

    # The user's own functions and objects are kept by reference.
    with (
        held(functional) as classes,
        keras.saving.CustomObjectScope(classes),
        copying_layers() as objects,
    ):
        again = keras.models.clone_model(
            functional, clone_function=copy, call_function=call
        )
    for old, new in copies:
        if getattr(old, "weights", None):
            new.set_weights(old.get_weights())
    return again


def has_graph(model: Any) -> bool:
    """Return whether `model` is a Functional or Sequential model."""
    return isinstance(model, keras.Sequential) or (
        isinstance(model, keras.Model) and hasattr(model, "operations")
    )
