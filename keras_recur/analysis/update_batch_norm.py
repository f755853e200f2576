"""Normalization statistics estimated anew, for weights that were changed.

Reference: Liao and Poggio 2016 (arXiv:1604.03640), whose statistics are specific to the
time step and have to be estimated for steps that were not trained.
"""

import collections
import itertools
import sys
from collections.abc import Iterable
from typing import Any

import keras

from keras_recur._validation import check_positive_int
from keras_recur.analysis._banks import has_graph
from keras_recur.analysis._logits import check_model
from keras_recur.analysis._with_steps import with_steps
from keras_recur.data._batches import inputs
from keras_recur.inference._graph import has_loop, rerun_graph
from keras_recur.layers import (
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
    current_iteration,
)
from keras_recur.layers._walk import walk
from keras_recur.layers._written import is_asked

_KINDS = (keras.layers.BatchNormalization, TimeSpecificBatchNormalization)


def update_batch_norm(
    model: keras.Model,
    data: Iterable[Any],
    steps: int | None = None,
    *,
    batches: int = 50,
) -> keras.Model:
    """Estimates all batch normalization statistics of a model from data.

    Needed after folding, tying or converting kernels: the statistics that were kept
    belong to the old ones. Needed also where a loop runs longer than it was trained:
    it has no statistics of the later steps, and would use the last ones. Means and
    variances become averages over the batches; no weight is trained. Where one
    normalization serves several iterations of a loop, the average is over these too.
    Frozen layers and loops are included: while it lasts they are not frozen.

    Args:
        model: A model with `BatchNormalization` or `TimeSpecificBatchNormalization`.
        data: Batches `(x, y)` or `x`, as large as those of the training, in any form
            that `iteration_curve` takes. Arrays `(x, y)` or `x` are taken in batches of
            128. Labels and weights are not used.
        steps: Estimate statistics for loops of so many iterations, or steps of a
            state graph, trained or not: for a new model, with weights of its own.
            Default: the model as it is, in place.
        batches: How many batches to use at most. Default 50.

    Returns:
        The model; with `steps`, the new one.

    Raises:
        ValueError: for a model without batch normalization, data without a batch,
            `batches` or `steps` that are no positive integers, and weights that do
            not serve so many steps.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), Figure 5.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "frnn", input_shape=(8, 8, 1), width=4, states=2
    ... )
    >>> data = [(np.random.rand(8, 8, 8, 1), None)]
    >>> model = keras_recur.analysis.update_batch_norm(pair.recurrent, data)
    >>> longer = keras_recur.analysis.update_batch_norm(pair.recurrent, data, steps=6)
    """
    check_model(model)
    batches = min(check_positive_int("batches", batches), sys.maxsize)
    if steps is not None:
        model = with_steps(model, steps)
    inside = list(walk(model))
    layers = [layer for layer in inside if isinstance(layer, _KINDS)]
    if not layers:
        raise ValueError(
            f"The model {model.name!r} has no batch normalization: there is nothing to "
            "recalibrate."
        )
    loops = [layer for layer in inside if isinstance(layer, SharedRecurrentBlock)]
    inner = {id(la) for loop in loops if loop.soft for la in walk(loop.soft.block)}
    before = [(layer, "momentum", layer.momentum) for layer in layers]
    before += [(loop, "unroll", loop.unroll) for loop in loops]
    # A loop on banks freezes what is in it at every call.
    frozen = [la for la in (*loops, *layers) if not la.trainable]
    held = [inner for layer in frozen for inner in layer._flatten_layers()]
    before += [(layer, "trainable", layer.trainable) for layer in held]
    # Rolled, a layer may be called once for all iterations.
    run = model
    if has_graph(model) and has_loop(model):
        run = rerun_graph(model, unroll=True)
    done = 0
    try:
        for loop in loops:  # Those that are in other layers, too.
            loop.unroll = True
        for layer in frozen:
            layer.trainable = True
        for layer in layers:
            if id(layer) not in inner:
                _average_over_calls(layer)
        for x in itertools.islice(inputs(data), batches):
            done += 1
            for layer in layers:  # In banks: a row per iteration, one call for each.
                layer.momentum = 1 - 1 / done
            run(x, training=True)
    finally:
        for layer, name, value in before:
            setattr(layer, name, value)
        for layer in layers:
            vars(layer).pop("call", None)
    if not done:
        raise ValueError("`data` has no batch to recalibrate with.")
    return model


def _average_over_calls(layer):
    """Gives the layer, at each call, the momentum of a running mean of its calls.

    Where it keeps a row of statistics per iteration: of the calls of the same row.
    """
    call, calls = layer.call, collections.Counter()
    last = 0
    if isinstance(layer, TimeSpecificBatchNormalization):
        last = layer.moving_mean.shape[0] - 1

    def counted(*args, **kwargs):
        if is_asked():
            return call(*args, **kwargs)
        loop = current_iteration()
        row = min(loop.index, last) if loop else 0
        calls[row] += 1
        layer.momentum = 1 - 1 / calls[row]
        return call(*args, **kwargs)

    layer.call = counted
