"""Calls of a block without the checks that Keras makes in every call of a layer.

On PyTorch, these checks take most of the time of a small network.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, tree

from keras_recur._keras import (
    all_layers,
    get_keras_mask,
    graph_nodes,
    has_hooks,
    standard_inputs,
)
from keras_recur.layers.leaky_update import LeakyUpdate
from keras_recur.layers.time_specific_batch_normalization import (
    TimeSpecificBatchNormalization,
)

# Layers that only compute: no losses, no masks, no other inputs than tensors.
_PLAIN = (
    layers.Activation,
    layers.Add,
    layers.Average,
    layers.Concatenate,
    layers.Conv1D,
    layers.Conv1DTranspose,
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.Dense,
    layers.Flatten,
    layers.GlobalAveragePooling2D,
    layers.GroupNormalization,
    layers.InputLayer,
    layers.LayerNormalization,
    layers.MaxPooling2D,
    layers.ReLU,
    layers.Rescaling,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    LeakyUpdate,
)
_TAKES_TRAINING = (
    layers.BatchNormalization,
    layers.Dropout,
    TimeSpecificBatchNormalization,
)
_GRAPH = type(keras.Model(*[keras.Input((1,))] * 2))


class DirectBlock:
    """Calls a built block, and on PyTorch the layers inside by their method `call`.

    It calls the block itself if a layer inside is of another class, is quantized, has a
    dtype policy of two dtypes, an activity regularizer or hooks, or if the inputs have
    masks or another dtype.
    """

    def __init__(self, block: keras.layers.Layer):
        self.block = block
        found = all_layers(block)
        kinds = {*_PLAIN, *_TAKES_TRAINING, _GRAPH, keras.Sequential}
        known = keras.backend.backend() == "torch" and all(
            type(layer) in kinds for layer in found
        )
        self._layers = found if known else []
        self._dtype = block.compute_dtype
        self._run = _plan(block) if known else None

    def __call__(self, inputs: Any, training: Any = None) -> Any:
        leaves = tree.flatten(inputs)
        if self._run and all(map(self._takes, leaves)) and self._is_plain():
            return self._run(training, inputs)
        return self.block(inputs, training=training)

    def _takes(self, leaf):
        dtype = keras.backend.standardize_dtype(leaf.dtype)
        return dtype == self._dtype and get_keras_mask(leaf) is None

    def _is_plain(self):
        return all(
            layer.variable_dtype == layer.compute_dtype == self._dtype
            and layer.activity_regularizer is None
            and layer.quantization_mode is None
            and not has_hooks(layer)
            for layer in self._layers
        )


def _plan(operation: Any) -> Callable[..., Any]:
    """Return a function from `training` and the arguments of a call to its outputs."""
    if isinstance(operation, keras.Sequential):
        return _sequence([_plan(layer) for layer in operation.layers])
    if isinstance(operation, _GRAPH):
        return _graph(operation)
    # `call` is looked up in every call, because it can be replaced.
    if not isinstance(operation, _TAKES_TRAINING):
        return lambda _, /, *args, **kwargs: operation.call(*args, **kwargs)

    def run(training, /, *args, **kwargs):
        known = {"training": _known(training, kwargs)}
        return operation.call(*args, **kwargs | known)

    return run


def _known(training, kwargs):
    """Return the `training` of a call, or else that of the model's definition."""
    return kwargs.get("training") if training is None else training


def _sequence(plans):
    def run(training, x, /, **kwargs):
        training = _known(training, kwargs)
        for plan in plans:
            x = plan(training, x)
        return x

    return run


def _graph(model):
    nodes = [
        (_plan(operation), _listed(arguments), arguments, outputs)
        for operation, arguments, outputs in graph_nodes(model)
    ]
    first, flat = [id(x) for x in model.inputs], _flat(model)
    last = tree.map_structure(id, model.output)

    def run(training, inputs, /, **kwargs):
        training = _known(training, kwargs)
        values = dict(zip(first, flat(inputs), strict=True))
        for plan, listed, arguments, outputs in nodes:
            if listed:  # Keras is slow at these.
                found = plan(training, [values[x] for x in listed])
            else:
                args, kwargs = arguments.fill_in(values)
                found = plan(training, *args, **kwargs)
            if len(outputs) == 1:
                values[outputs[0]] = found
            else:
                values.update(zip(outputs, tree.flatten(found), strict=True))
        return tree.map_structure(values.__getitem__, last)

    return run


def _flat(model):
    """Return a function from the inputs of a call to the list of the model's inputs."""
    structure, kinds = model.input, list(map(_kind, model.inputs))

    def flat(inputs):
        leaves = tree.flatten(inputs)
        same = len(kinds) == 1 if leaves[0] is inputs else _alike(inputs, structure)
        if same and list(map(_kind, leaves)) == kinds:
            return leaves
        # Keras finds inputs by name, casts them, and adds or removes a last axis.
        return standard_inputs(model, inputs)

    return flat


def _kind(x):
    return len(x.shape), keras.backend.standardize_dtype(x.dtype)


def _alike(one, other):
    try:
        tree.assert_same_structure(one, other)
    except (TypeError, ValueError):
        return False
    return True


def _listed(arguments):
    """Return the ids of the tensors if their list is the only argument."""
    if arguments.kwargs or len(arguments.args) != 1:
        return []
    tensors = arguments.args[0]
    if isinstance(tensors, list) and all(map(_is_tensor, tensors)):
        return list(map(id, tensors))
    return []


def _is_tensor(x):
    return isinstance(x, keras.KerasTensor)
