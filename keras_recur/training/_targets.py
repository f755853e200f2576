"""Check labels against the model once, before training."""

import itertools
from typing import Any

from keras import tree

from keras_recur._labels import (
    check_classes,
    check_labels,
    check_not_one_hot,
    label_place,
)
from keras_recur.data._batches import to_numpy
from keras_recur.layers import Readout
from keras_recur.layers._walk import walk


def check_targets(name: str, model: Any, data: Any, batch: Any) -> None:
    """Check that the labels of `data` fit the logits of `model`."""
    logits = _output_shape(model)
    for part in getattr(data, "phases", (data,)):
        if logits and logits[-1] and hasattr(part, "check_labels"):
            part.check_labels(logits[-1])
    _check_batch(name, batch, logits, _answers_every_iteration(model))


def _check_batch(name, batch, logits, several):
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise ValueError(
            f"`{name}` must yield batches (x, y), or (x, y, sample_weight). Received: "
            f"a batch of type {type(batch).__name__}."
        )
    if isinstance(batch[1], dict | list | tuple) or batch[1] is None:
        raise ValueError(
            f"`{name}` must yield batches (x, y) with one array of labels. Received: y "
            f"of type {type(batch[1]).__name__}."
        )
    if not hasattr(batch[1], "shape"):
        return  # Keras joins values from several devices.
    labels = check_labels("y", to_numpy(batch[1]))
    if not logits:
        return
    # In a state graph, positions of a text may be iterations.
    several = False if several is False else None
    place = label_place(labels.shape, (len(labels), *logits[1:]), several, "y")
    classes = logits[-1]
    check_labels("y", labels, classes)
    if not place.several and logits[-2:] == labels.shape[-1:] * 2:
        check_not_one_hot("y", labels, classes)


def _output_shape(model):
    """Return the shape of the model's logits, or `None` if it is not built."""
    try:
        shape = model.output_shape
    except AttributeError:
        return None
    if isinstance(shape, dict) or any(isinstance(size, tuple | list) for size in shape):
        count = len(tree.flatten(model.output))
        raise ValueError(
            f"`model` must have one output, logits. Received: {model.name!r} with "
            f"{count} outputs. Train the output that the labels are for: "
            "keras.Model(model.input, model.outputs[0])."
        )
    check_classes(shape[-1])
    return tuple(shape)


def _answers_every_iteration(model):
    """Return whether logits have an axis of iterations, `None` without a `Readout`."""
    found = None
    for layer in walk(model):
        graph = getattr(layer, "_functional", None) or layer
        depths = getattr(graph, "_nodes_by_depth", {}).values()
        for node in itertools.chain.from_iterable(depths):
            if isinstance(node.operation, Readout):
                called = node.arguments.kwargs.get("readout")
                every = (called or node.operation.readout) == "all"
                found = every or bool(found)
    return found
