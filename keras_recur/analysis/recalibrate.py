"""Normalization statistics estimated anew, for weights that were changed.

Reference: Liao and Poggio 2016 (arXiv:1604.03640), whose statistics are specific to the
time step and have to be estimated for steps that were not trained.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from keras_recur._validation import check_positive_int
from keras_recur.analysis._banks import has_graph
from keras_recur.layers import SharedRecurrentBlock, TimeSpecificBatchNormalization
from keras_recur.zoo.with_iterations import called_again, has_loop

_KINDS = (keras.layers.BatchNormalization, TimeSpecificBatchNormalization)


def recalibrate(model: keras.Model, data: Iterable[Any], batches: int = 50) -> None:
    """Estimates all batch normalization statistics of a model from data, in place.

    Needed after folding, tying or converting kernels: the statistics that were kept
    belong to the old ones. Means and variances become averages over the batches; no
    weight is trained. Where one normalization serves several iterations of a loop, the
    average is over these too. Frozen layers and loops are included: while it lasts they
    are not frozen.

    Args:
        model: A model with `BatchNormalization` or `TimeSpecificBatchNormalization`.
        data: Batches `(x, y)` or `x`, as `data.load` gives them, as large as those of
            the training.
        batches: How many of them to use at most. Default 50.

    Raises:
        ValueError: for a model without batch normalization, data without a batch, and
            `batches` that is no positive integer.

    Example:

    >>> pair = keras_recur.zoo.build("scnn", width=4, iterations=3)
    >>> data = [(np.random.rand(8, 9, 9, 2), None)]
    >>> keras_recur.analysis.recalibrate(pair.recurrent, data)
    """
    check_positive_int("batches", batches)
    inside = list(_inside(model, set()))
    layers = [layer for layer in inside if isinstance(layer, _KINDS)]
    if not layers:
        raise ValueError(
            f"The model {model.name!r} has no batch normalization: there is nothing to "
            "recalibrate."
        )
    loops = [layer for layer in inside if isinstance(layer, SharedRecurrentBlock)]
    inner = {id(la) for x in loops if x.soft for la in _inside(x.soft.block, set())}
    # These have a row of statistics per iteration, the others one for all calls.
    rows = [
        layer
        for layer in layers
        if id(layer) in inner or isinstance(layer, TimeSpecificBatchNormalization)
    ]
    before = [(layer, "momentum", layer.momentum) for layer in layers]
    before += [(loop, "unroll", loop.unroll) for loop in loops]
    # A loop on banks freezes what is in it at every call.
    frozen = [la for la in (*loops, *layers) if not la.trainable]
    held = [inner for layer in frozen for inner in layer._flatten_layers()]
    before += [(layer, "trainable", layer.trainable) for layer in held]
    # Rolled, a layer may be called once for all iterations.
    run = model
    if has_graph(model) and has_loop(model):
        run = called_again(model, unroll=True)
    done = 0
    try:
        for loop in loops:  # Those that are in other layers, too.
            loop.unroll = True
        for layer in frozen:
            layer.trainable = True
        for layer in layers:
            if not any(layer is other for other in rows):
                _average_over_calls(layer)
        for batch in itertools.islice(_batches(data), batches):
            done += 1
            for layer in rows:
                layer.momentum = 1 - 1 / done
            run(batch[0] if isinstance(batch, tuple | list) else batch, training=True)
    finally:
        for layer, name, value in before:
            setattr(layer, name, value)
        for layer in layers:
            vars(layer).pop("call", None)
    if not done:
        raise ValueError("`data` has no batch to recalibrate with.")


def _average_over_calls(layer):
    """Gives the layer, at each call, the momentum of a running mean of its calls."""
    call, calls = layer.call, itertools.count(1)

    def counted(*args, **kwargs):
        layer.momentum = 1 - 1 / next(calls)
        return call(*args, **kwargs)

    layer.call = counted


def _batches(data):
    """PyDatasets are indexed: as iterators they would never end."""
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return (data[i] for i in range(len(data)))
    return iter(data)


def _inside(layer: Any, seen: set[int]) -> Iterator[keras.layers.Layer]:
    """A layer and all layers in it, prototypes of soft loops included."""
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield layer
    held = [*vars(layer).values(), *getattr(layer, "layers", ())]
    if isinstance(layer, SharedRecurrentBlock) and layer.soft:
        held.append(layer.soft.block)
    for value in held:
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, keras.layers.Layer):
                yield from _inside(item, seen)
