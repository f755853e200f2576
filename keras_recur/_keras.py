"""Private functions of Keras that the library needs. Tested with Keras 3.15."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras.src import backend
from keras.src.backend.common import global_state
from keras.src.trainers.data_adapters.array_data_adapter import (
    ArrayDataAdapter,
    can_convert_arrays,
)
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

compute_output_spec: Any = backend.compute_output_spec
get_keras_mask: Any = backend.get_keras_mask
set_keras_mask: Any = backend.set_keras_mask


def inner_layers(layer: keras.layers.Layer) -> list[Any]:
    """Return the layers directly inside a layer."""
    return list(layer._flatten_layers(include_self=False, recursive=False))


def all_layers(layer: keras.layers.Layer) -> list[Any]:
    """Return a layer and the layers that Keras tracks in it, outer ones first."""
    return list(layer._flatten_layers())


def set_trainable(layer: keras.layers.Layer, value: bool) -> None:
    """Set `trainable` of a layer and its own variables, not of layers inside."""
    if layer.trainable != value:
        layer._trainable = value
        for variable in layer._trainable_variables:
            variable.trainable = value


def symbolic_call(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Return the symbolic outputs of a layer, outside of any model's graph.

    Files of models number the calls of a layer. A call that Keras recorded while a file
    is loaded would shift these numbers.
    """
    count = len(layer._inbound_nodes)
    outputs = layer(inputs)
    del layer._inbound_nodes[count:]
    return outputs


@contextlib.contextmanager
def copying_layers() -> Iterator[dict[int, Any]]:
    """Read configs with the same `shared_object_id` as one object; yield the objects.

    Keras's own scope also numbers all objects that are serialized in it, even those
    that are gone when another one gets their id.
    """
    objects = global_state.get_global_attribute(_OBJECTS)
    if objects is not None:
        yield objects
        return
    try:
        global_state.set_global_attribute(_OBJECTS, objects := {})
        global_state.set_global_attribute(_COPYING, True)
        yield objects
    finally:
        global_state.set_global_attribute(_OBJECTS, None)
        global_state.set_global_attribute(_COPYING, None)


def copies_layers() -> bool:
    """Return whether this code runs within `copying_layers`."""
    return global_state.get_global_attribute(_COPYING) is not None


_OBJECTS = "shared_objects/id_to_obj_map"
_COPYING = "keras_recur/copying_layers"


def symbolic_build(model: Any, batch: Any) -> None:
    """Build the compiled metrics and loss for data like this batch."""
    model._symbolic_build(data_batch=batch)


def forget_losses(layer: keras.layers.Layer, losses: list[Any]) -> None:
    """Let the layers of a block forget losses that the caller has taken from a scope.

    Keras knows a layer's losses by their ids, which later losses may get again.
    """
    ids = set(map(id, losses))
    for found in all_layers(layer):
        found._loss_ids -= ids


def graph_nodes(model: Any) -> Iterator[tuple[Any, Any, list[int]]]:
    """Yield the operation, arguments and ids of outputs of all calls in a model.

    Args:
        model: A Functional model. Its calls come in an order in which they can run.
    """
    depths = sorted(model._nodes_by_depth, reverse=True)
    for node in (node for depth in depths for node in model._nodes_by_depth[depth]):
        if not node.is_input:
            yield node.operation, node.arguments, [id(x) for x in node.outputs]


def standard_inputs(model: Any, inputs: Any) -> list[Any]:
    """Return the inputs of a call of a Functional model, in the order of its inputs."""
    return model._standardize_inputs(inputs)


def has_hooks(layer: Any) -> bool:
    """Return whether a layer on PyTorch has hooks on its calls."""
    return bool(
        layer._forward_hooks
        or layer._forward_pre_hooks
        or layer._backward_hooks
        or layer._backward_pre_hooks
    )


def untuned(data: Any, steps: int | None = None) -> Any:
    """Return data for `fit` whose `tf.data` pipeline has no autotuning.

    On TensorFlow, `fit` waits at the end of every epoch for the thread that tunes the
    pipeline, which sleeps longer each time. Batches and their order stay the same.

    Args:
        data: Data for `fit`. A `PyDataset` and a tuple of arrays are wrapped on
            TensorFlow; all other data are returned as they are.
        steps: Number of steps into which `fit` divides arrays.
    """
    if backend.backend() != "tensorflow":
        return data
    if isinstance(data, keras.utils.PyDataset):
        return _UntunedBatches(data)
    if isinstance(data, tuple) and can_convert_arrays(data):
        return _UntunedArrays(*data, steps=steps)
    return data


class _UntunedBatches(PyDatasetAdapter):
    def get_tf_dataset(self):
        return _without_autotune(super().get_tf_dataset())


class _UntunedArrays(ArrayDataAdapter):
    def get_tf_dataset(self):
        return _without_autotune(super().get_tf_dataset())


def _without_autotune(dataset):
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
