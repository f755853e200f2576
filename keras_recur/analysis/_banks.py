"""Where the template banks of a model are, and copies of it with layers changed."""

from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_recur.analysis._logits import check_model
from keras_recur.inference._graph import functional_copy
from keras_recur.layers import SharedRecurrentBlock, TemplateBank
from keras_recur.layers._held import held
from keras_recur.layers._walk import walk


def banks_of(
    model: keras.Model, prefix: str = ""
) -> Iterator[tuple[str, TemplateBank]]:
    """Every template bank of a model with its name, nested models included."""
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, SharedRecurrentBlock):
            for bank in layer.banks:
                yield f"{prefix}{layer.name}/{bank.name}", bank
        elif isinstance(layer, TemplateBank):
            yield f"{prefix}{layer.name}", layer
        elif isinstance(layer, keras.Model):
            yield from banks_of(layer, f"{prefix}{layer.name}/")


def names_in(model: keras.Model) -> Iterator[str]:
    """The names of all layers of a model, nested models included."""
    for layer in getattr(model, "layers", ()):
        yield layer.name
        yield from names_in(layer)


def require_banks(model: Any) -> dict[str, TemplateBank]:
    """The banks of a model, or an error that says that there is none."""
    check_model(model)
    found = dict(banks_of(model))
    hidden = {id(b): b for b in walk(model) if isinstance(b, TemplateBank)}
    for bank in found.values():
        hidden.pop(id(bank), None)
    if hidden:
        names = ", ".join(repr(bank.path) for bank in hidden.values())
        raise ValueError(
            "Template banks must be in the model's own graph, in one of its loops, or "
            f"in a nested model. Received: {model.name!r} with banks inside of other "
            f"layers: {names}. Call what holds them in the graph itself."
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
    """A copy of a model, with weights of its own and some layers changed.

    Args:
        model: A Functional or Sequential model.
        change: Takes a layer; returns what stands in its place, or `None` to copy it.
        call: As `call_function` of `keras.models.clone_model`.
    """
    functional = functional_copy(model)
    copies = []

    def copy(layer):
        new = change(layer)
        if new is not None:
            return new
        if has_graph(layer):
            # On PyTorch Keras zeroes gradients by path: equal ones would add them up.
            with keras.name_scope(layer.name):
                return rebuilt(layer, change, call)
        new = type(layer).from_config(layer.get_config())
        copies.append((layer, new))
        return new

    # Functions and objects of the user's own are taken over by reference.
    with held(functional) as classes, keras.saving.CustomObjectScope(classes):
        again = keras.models.clone_model(
            functional, clone_function=copy, call_function=call
        )
    for old, new in copies:
        if getattr(old, "weights", None):
            new.set_weights(old.get_weights())
    return again


def has_graph(model: Any) -> bool:
    """Whether this is a Functional or Sequential model, nested ones included."""
    return isinstance(model, keras.Sequential) or (
        isinstance(model, keras.Model) and hasattr(model, "operations")
    )
