"""Another number of iterations, or another readout, on the same weights."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_recur._validation import (
    check_flag,
    check_one_of,
    check_positive_int,
    check_type,
)
from keras_recur.layers import Readout, RecurrentGraph, SharedRecurrentBlock

_LOOPS = (RecurrentGraph, SharedRecurrentBlock)


def with_iterations(
    model: keras.Model,
    iterations: int | None = None,
    readout: str | None = None,
    unroll: bool | None = None,
) -> keras.Model:
    """A new model on the same weights that runs its loops for `iterations`.

    The model itself is not changed: setting an attribute of a compiled model would
    be ignored by its compiled functions. Training either model trains both.

    Args:
        model: A Functional or Sequential model with one or more
            `SharedRecurrentBlock` or `RecurrentGraph` layers.
        iterations: How often each loop applies its block; the steps of a state graph.
            Default: as it was built.
        readout: `"last"` or `"all"`: what the model returns, where it has a
            `Readout` layer. Default: as it was built.
        unroll: Whether the loops are unrolled. Default: as they were built. State
            graphs always are.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: for a model without a loop, and for more iterations than untied
            weights exist for.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> longer = keras_recur.inference.with_iterations(pair.recurrent, 12, readout="all")
    >>> longer(np.zeros((1, 16, 1))).shape
    (1, 12, 16, 2)
    """
    check_type("model", model, keras.Model, "a Keras model")
    changes: dict = {}
    if iterations is not None:
        changes["iterations"] = check_positive_int("iterations", iterations)
    if readout is not None:
        check_one_of("readout", readout, ("last", "all"))
        changes["return_sequences"] = readout == "all"
        changes["readout"] = readout
    if unroll is not None:
        changes["unroll"] = check_flag("unroll", unroll)
    return called_again(model, **changes)


def check_readout(model: Any, what: str) -> None:
    """Whether a model can be read out at every iteration, which `what` needs.

    Raises:
        ValueError: if it has no `Readout` layer.
    """
    if not any(isinstance(layer, Readout) for layer in getattr(model, "layers", ())):
        raise ValueError(
            f"{what} needs a model that can be read out at every iteration. Received: "
            f"{getattr(model, 'name', model)!r}, which has no Readout layer. Put its "
            "head into keras_recur.layers.Readout(head)."
        )


def check_one_output(model: Any, what: str) -> None:
    """Whether a model answers with one tensor, which `what` needs.

    Raises:
        ValueError: if it has several outputs.
    """
    if len(model.outputs) != 1:
        raise ValueError(
            f"{what} needs a `head` with one output. Received: {model.name!r} with "
            f"{len(model.outputs)} outputs. Make a model of one of them, "
            "keras.Model(model.inputs, model.outputs[0])."
        )


def called_again(model: keras.Model, **changes) -> keras.Model:
    """The model's graph once more, on the same layers, with other call arguments.

    `readout` goes to `Readout` layers, all others to loops; iterations are the steps of
    a `RecurrentGraph`.
    """
    functional = uncompiled(model)
    found = False
    loops = [la for la in model.layers if isinstance(la, _LOOPS)]
    read = []

    def call(layer, *args, **kwargs):
        nonlocal found
        if isinstance(layer, _LOOPS):
            found = True
            # Of several loops the last one is read out.
            left_out = ["readout"] + ["return_sequences"] * (layer is not loops[-1])
            changed = {k: v for k, v in changes.items() if k not in left_out}
            if changed.get("return_sequences") and layer in read:
                raise ValueError(
                    "Reading out every iteration needs a last loop that is called "
                    f"once. Received: {model.name!r}, which calls {layer.name!r} more "
                    "often. Give each call a loop of its own."
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
        return called_again(layer, **changes)

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


def uncompiled(model: Any) -> keras.Model:
    """The same graph on the same layers, not compiled.

    The clone of a compiled model would be compiled too, which fails where its loss is
    not registered.
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "layers"):
        raise ValueError(f"`model` must be a Keras model. Received: {model!r}.")
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


def _for_graph(changes):
    """The changes in a state graph's own words; it is always unrolled."""
    if changes.get("progressive"):
        raise ValueError(
            "The progressive loss needs a SharedRecurrentBlock. Received: a model with "
            "a RecurrentGraph. Allowed there: progressive=0, with any loss weights."
        )
    names = {"iterations": "steps", "return_sequences": "return_sequences"}
    return {names[k]: v for k, v in changes.items() if k in names}


def loops_in(model: Any) -> Iterator[Any]:
    """The loops of a model, nested models included; of what is no model, none."""
    for layer in model.layers if isinstance(model, keras.Model) else ():
        if isinstance(layer, _LOOPS):
            yield layer
        yield from loops_in(layer)


def has_loop(layer: Any) -> bool:
    """Whether this is a model with a loop, nested models included."""
    return any(True for _ in loops_in(layer))
