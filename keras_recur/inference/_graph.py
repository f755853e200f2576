"""Rebuild the graph of a model on the same layers, and find the loops in it."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_recur.layers import Readout, RecurrentGraph, SharedRecurrentBlock

_LOOPS = (RecurrentGraph, SharedRecurrentBlock)


def check_readout(model: Any, what: str) -> None:
    """Raise a `ValueError` if a model has no `Readout`; `what` names the feature."""
    if not any(isinstance(layer, Readout) for layer in getattr(model, "layers", ())):
        raise ValueError(
            f"{what} needs a model that can be read out at every iteration. Received: "
            f"{getattr(model, 'name', model)!r}, which has no Readout layer. Put its "
            "head into keras_recur.layers.Readout(head)."
        )


def check_one_output(model: Any, what: str) -> None:
    """Raise a `ValueError` if a model has several outputs; `what` names the feature."""
    if len(model.outputs) != 1:
        raise ValueError(
            f"{what} needs a `head` with one output. Received: {model.name!r} with "
            f"{len(model.outputs)} outputs. Make a model of one of them, "
            "keras.Model(model.inputs, model.outputs[0])."
        )


def rerun_graph(model: keras.Model, **changes) -> keras.Model:
    """Run a model's graph again, on the same layers, with other call arguments.

    `readout` is passed to `Readout` layers, all other arguments to loops. The
    iterations of a `RecurrentGraph` are its steps.
    """
    functional = functional_copy(model)
    found = False
    loops = [la for la in model.layers if isinstance(la, _LOOPS)]
    read = []

    def call(layer, *args, **kwargs):
        nonlocal found
        if isinstance(layer, _LOOPS):
            found = True
            # Only the last loop is read out.
            left_out = ["readout"] + ["return_sequences"] * (layer is not loops[-1])
            changed = {k: v for k, v in changes.items() if k not in left_out}
            if changed.get("return_sequences") and layer in read:
                raise ValueError(
                    "Reading out every iteration needs a last loop that is called "
                    f"once. Received: {model.name!r}, which calls {layer.name!r} more "
                    "often. Use one loop per call."
                )
            read.append(layer)
            if isinstance(layer, RecurrentGraph):
                changed = _for_graph(changed)
            kwargs |= changed
        elif isinstance(layer, Readout) and "readout" in changes:
            kwargs["readout"] = changes["readout"]
        return layer(*args, **kwargs)

    def same_or_inner(layer):
        nonlocal found
        if not has_loop(layer):
            return layer
        found = True
        return rerun_graph(layer, **changes)

    again = keras.models.clone_model(
        functional,
        clone_function=same_or_inner,
        call_function=call,
    )
    if not found:
        raise ValueError(
            "The model has no SharedRecurrentBlock or RecurrentGraph layer. Received: "
            f"{model.name!r} with layers {[layer.name for layer in model.layers]}."
        )
    return again


def functional_copy(model: Any) -> keras.Model:
    """Return the same graph on the same layers, not compiled.

    A clone of a compiled model would be compiled too, which fails if its loss is not
    registered.
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "layers"):
        raise ValueError(f"`model` must be a Keras model. Received: {model!r}.")
    if isinstance(model, keras.Sequential):
        if not hasattr(model, "inputs"):
            raise ValueError(
                f"The Sequential {model.name!r} has no graph until its input is "
                "known. Start it with keras.Input(shape), or call it once."
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


def _for_graph(changes):
    """Return the call arguments under the names that a state graph uses."""
    if changes.get("progressive"):
        raise ValueError(
            "The progressive loss needs a SharedRecurrentBlock. Received: a model with "
            "a RecurrentGraph. Allowed there: progressive=0, with any loss weights."
        )
    names = {"iterations": "steps", "return_sequences": "return_sequences"}
    return {names[k]: v for k, v in changes.items() if k in names}


def loops_in(model: Any) -> Iterator[Any]:
    """Yield the loops of a model and of the models nested in it."""
    for layer in model.layers if isinstance(model, keras.Model) else ():
        if isinstance(layer, _LOOPS):
            yield layer
        yield from loops_in(layer)


def has_loop(layer: Any) -> bool:
    """Return whether this is a model with a loop, nested models included."""
    return any(True for _ in loops_in(layer))
