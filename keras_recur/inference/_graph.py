"""Re-run the graph of a model on the same layers, with other call arguments."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_recur.layers import Readout, RecurrentGraph, SharedRecurrentBlock
from keras_recur.layers._state_path import is_random

LOOPS = (RecurrentGraph, SharedRecurrentBlock)


def rerun_graph(model: keras.Model, **changes: Any) -> keras.Model:
    """Return a model with the same graph and layers, called with other arguments."""
    functional = functional_copy(model)
    loops = [layer for layer in model.layers if isinstance(layer, LOOPS)]
    read = []

    def call(layer, *args, **kwargs):
        if isinstance(layer, LOOPS):
            # Only the last of several loops is read out.
            left_out = ["readout"] + ["return_sequences"] * (layer is not loops[-1])
            changed = {k: v for k, v in changes.items() if k not in left_out}
            if changed.get("return_sequences") and layer in read:
                raise ValueError(
                    "Reading out every iteration requires a last loop that is called "
                    f"once. Received: {model.name!r}, which calls {layer.name!r} "
                    "several times. Give each call its own loop."
                )
            read.append(layer)
            if isinstance(layer, RecurrentGraph):
                changed = _graph_arguments(changed)
            kwargs |= changed
        elif isinstance(layer, Readout) and "readout" in changes:
            kwargs["readout"] = changes["readout"]
        return layer(*args, **kwargs)

    if not has_loop(model):
        raise ValueError(
            "The model must have a SharedRecurrentBlock or RecurrentGraph layer. "
            f"Received: {model.name!r} with layers "
            f"{[layer.name for layer in model.layers]}."
        )
    return keras.models.clone_model(
        functional,
        clone_function=lambda la: rerun_graph(la, **changes) if has_loop(la) else la,
        call_function=call,
    )


def functional_copy(model: Any) -> keras.Model:
    """Return an uncompiled Functional model with the same graph and layers."""
    if not isinstance(model, keras.Model) or not hasattr(model, "layers"):
        raise ValueError(f"`model` must be a Keras model. Received: {model!r}.")
    # A clone would be compiled, too, which fails if its loss is not registered.
    if isinstance(model, keras.Sequential):
        if not hasattr(model, "inputs"):
            raise ValueError(
                f"The Sequential {model.name!r} has no graph before its input is "
                "known. Begin it with keras.Input(shape), or call it once."
            )
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "operations"):
        raise ValueError(
            "Only a Functional or Sequential model can be rebuilt, or run with other "
            f"iterations. Received: {model!r} (of type {type(model).__name__}). Write "
            "it as keras.Model(inputs, outputs), or call its SharedRecurrentBlock with "
            "`iterations=`."
        )
    return keras.Model(model.input, model.output, name=model.name)


def draws_random_numbers(model: Any) -> bool:
    """Return whether a model draws first states or noise in inference."""
    found = []

    def call(layer, *args, **kwargs):
        if isinstance(layer, SharedRecurrentBlock):
            asked = kwargs.get("initial_state"), kwargs.get("noise")
            found.append(is_random(layer, *asked))
        return layer(*args, **kwargs)

    keras.models.clone_model(
        functional_copy(model), clone_function=lambda layer: layer, call_function=call
    )
    nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return any(found) or any(map(draws_random_numbers, filter(has_loop, nested)))


def graph_loops(model: Any) -> Iterator[Any]:
    """Yield the loops of a model and its nested models, but not of other layers."""
    for layer in model.layers if isinstance(model, keras.Model) else ():
        if isinstance(layer, LOOPS):
            yield layer
        yield from graph_loops(layer)


def has_loop(layer: Any) -> bool:
    """Return whether this is a model that calls a loop."""
    return any(True for _ in graph_loops(layer))


def last_loop(model: Any, purpose: str, hint: str = "") -> SharedRecurrentBlock:
    """Return the `SharedRecurrentBlock` that is a model's last loop, for `purpose`."""
    loops = [la for la in getattr(model, "layers", ()) if isinstance(la, LOOPS)]
    if not loops or not isinstance(loops[-1], SharedRecurrentBlock):
        what = "a RecurrentGraph" if loops else "no loop among its layers"
        raise ValueError(
            f"{purpose} needs a model with a SharedRecurrentBlock as its last loop, "
            f"not within another model. Received: {getattr(model, 'name', model)!r} "
            f"with {what}.{hint}"
        )
    return loops[-1]


def check_readout(model: Any, purpose: str) -> None:
    """Check that a model can be read out at every iteration, which `purpose` needs."""
    if not any(isinstance(layer, Readout) for layer in getattr(model, "layers", ())):
        raise ValueError(
            f"{purpose} needs a model that can be read out at every iteration. "
            f"Received: {getattr(model, 'name', model)!r}, which has no Readout layer. "
            "Put its head into keras_recur.layers.Readout(head)."
        )


def check_one_output(model: Any, purpose: str) -> None:
    """Check that a model has one output, which `purpose` needs."""
    if len(model.outputs) != 1:
        raise ValueError(
            f"{purpose} needs a `head` with one output. Received: {model.name!r} with "
            f"{len(model.outputs)} outputs. Make a model of one of them, "
            "keras.Model(model.inputs, model.outputs[0])."
        )


def _graph_arguments(changes):
    """Return the changes as call arguments of a state graph, which is never rolled."""
    if changes.get("progressive"):
        raise ValueError(
            "The progressive loss needs a SharedRecurrentBlock. Received: a model with "
            "a RecurrentGraph. Use progressive=0, with any loss weights."
        )
    names = {"iterations": "steps", "return_sequences": "return_sequences"}
    return {names[k]: v for k, v in changes.items() if k in names}
