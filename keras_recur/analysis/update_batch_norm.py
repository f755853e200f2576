"""Estimate normalization statistics again after weights have changed."""

import collections
import itertools
import sys
from collections.abc import Iterable
from typing import Any

import keras

from keras_recur._validation import check_positive_int
from keras_recur.analysis._banks import has_graph
from keras_recur.analysis._logits import check_model
from keras_recur.analysis._rebuilt_for import rebuilt_for
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
    iterations: int | None = None,
    *,
    batches: int = 50,
) -> keras.Model:
    """Estimate all batch normalization statistics of a model from data.

    Use it after folding, tying or converting kernels, because the stored statistics
    belong to the old kernels. Use it also before a loop runs for more iterations than
    it was trained with, because later iterations would reuse the last statistics. Means
    and variances become averages over the batches and over iterations that share one
    normalization. Frozen layers are included, and no weight is trained.

    Args:
        model: A model with `BatchNormalization` or `TimeSpecificBatchNormalization`.
        data: Batches `(x, y)` or `x`, of the size used in training, in any form that
            `iteration_curve` accepts. Arrays `(x, y)` or `x` are split into batches of
            128. Labels and weights are not used.
        iterations: Number of iterations, or steps of a state graph, of the new model
            to return. Defaults to `None` (update `model` in place).
        batches: Maximum number of batches. Defaults to `50`.

    Returns:
        `model`, or a new model with its own weights if `iterations` is given.

    Raises:
        ValueError: If the model has no batch normalization, `data` has no batch, an
            argument is invalid, or the loops cannot run for `iterations`.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), Figure 5.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "frnn", input_shape=(8, 8, 1), width=4, states=2
    ... )
    >>> data = [(np.random.rand(8, 8, 8, 1), None)]
    >>> model = keras_recur.analysis.update_batch_norm(pair.recurrent, data)
    >>> longer = keras_recur.analysis.update_batch_norm(pair.recurrent, data, 6)
    """
    check_model(model)
    batches = min(check_positive_int("batches", batches), sys.maxsize)
    if iterations is not None:
        model = rebuilt_for(model, iterations)
    inside = list(walk(model))
    layers = [layer for layer in inside if isinstance(layer, _KINDS)]
    if not layers:
        raise ValueError(
            f"The model {model.name!r} has no batch normalization to update."
        )
    loops = [layer for layer in inside if isinstance(layer, SharedRecurrentBlock)]
    inner = {
        id(inner)
        for loop in loops
        for layer in loop.untracked_layers()
        for inner in walk(layer)
    }
    before = [(layer, "momentum", layer.momentum) for layer in layers]
    before += [(loop, "unroll", loop.unroll) for loop in loops]
    # A loop on banks freezes its layers at every call.
    frozen = [la for la in (*loops, *layers) if not la.trainable]
    held = [inner for layer in frozen for inner in layer._flatten_layers()]
    before += [(layer, "trainable", layer.trainable) for layer in held]
    # A rolled loop may call a layer only once for all iterations.
    run = model
    if has_graph(model) and has_loop(model):
        run = rerun_graph(model, unroll=True)
    done = 0
    try:
        for loop in loops:  # Including loops inside other layers.
            loop.unroll = True
        for layer in frozen:
            layer.trainable = True
        for layer in layers:
            if id(layer) not in inner:
                _average_over_calls(layer)
        for x in itertools.islice(inputs(data), batches):
            done += 1
            for layer in layers:  # Layers in banks are called once per row.
                layer.momentum = 1 - 1 / done
            run(x, training=True)
    finally:
        for layer, name, value in before:
            setattr(layer, name, value)
        for layer in layers:
            vars(layer).pop("call", None)
    if not done:
        raise ValueError("`data` has no batch to estimate statistics from.")
    return model


def _average_over_calls(layer):
    """Set the momentum before each call so that statistics average over all calls."""
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
