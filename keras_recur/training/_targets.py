"""What `fit` is given to train on, checked once against the model before training.

Arrays and data sets of arrays are looked at in full. Of streams, the first batch is:
reading them would take as long as an epoch.
"""

import itertools
from typing import Any

from keras import tree

from keras_recur._labels import (
    check_classes,
    check_labels,
    check_not_one_hot,
    label_place,
)
from keras_recur.data._batches import first_batch, is_arrays, to_numpy
from keras_recur.layers import Readout
from keras_recur.layers._walk import walk


def checked_targets(model: Any, *data: Any) -> tuple[Any, ...]:
    """Return data to train and validate on, once their labels were checked.

    Generators are replaced by ones that yield the same batches; all other data are
    returned as they are.

    Args:
        model: A model with one output, logits. Its output's shape decides which shapes
            and labels are right; a model that is not built yet decides nothing.
        *data: What `model.fit` takes as data, then as validation data; the latter may
            be a tuple of arrays, or `None`.

    Raises:
        ValueError: If labels have the wrong shape, type or range, or are one-hot, and
            for a model with several outputs or a single logit.
    """
    logits = _output_shape(model)
    several = _answers_every_iteration(model)
    found = []
    for name, part in zip(("data", "validation_data"), data, strict=False):
        if part is not None:
            part = _checked(name, part, logits, several)
        found.append(part)
    return tuple(found)


def _checked(name, data, logits, several):
    if is_arrays(data):
        if name == "data":
            raise ValueError(
                "`data` must yield batches (x, y). Received: a tuple of arrays. Give "
                "data.ArrayDataset(x, y, batch_size)."
            )
        _check_batch(name, data, logits, several)
        return data
    for part in getattr(data, "phases", (data,)):
        if logits and logits[-1] and hasattr(part, "check_labels"):
            part.check_labels(logits[-1])
    batch, data = first_batch(data) if hasattr(data, "__iter__") else (None, data)
    if batch is not None:
        _check_batch(name, batch, logits, several)
    return data


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
        return  # Values on several devices, which Keras puts together.
    labels = check_labels("y", to_numpy(batch[1]))
    if not logits:
        return
    place = label_place(labels.shape, (len(labels), *logits[1:]), several, "y")
    classes = logits[-1]
    check_labels("y", labels, classes)
    if several is None and not place.several and logits[-2:] == labels.shape[-1:] * 2:
        check_not_one_hot("y", labels, classes)


def _output_shape(model):
    """The shape of the model's logits; `None` of one that is not built."""
    try:
        shape = model.output_shape
    except AttributeError:
        return None
    if isinstance(shape, dict) or any(isinstance(size, tuple | list) for size in shape):
        count = len(tree.flatten(model.output))
        raise ValueError(
            f"`model` must have one output, logits. Received: {model.name!r} with "
            f"{count} outputs. Train the output that the labels are for: "
            "keras.Model(model.input, model.output[0])."
        )
    check_classes(shape[-1])
    return tuple(shape)


def _answers_every_iteration(model):
    """Whether the logits have an axis of iterations; `None` without a `Readout`.

    A call may choose another readout than the layer was made with.
    """
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
