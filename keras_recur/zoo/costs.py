"""Costs of a network, counted exactly from its graph and equal on every backend."""

import dataclasses
import math

import keras

from keras_recur._validation import check_positive_int, check_type
from keras_recur.zoo._cost_walk import CostCounter


@dataclasses.dataclass(frozen=True)
class Costs:
    """Costs of one network for one example.

    Attributes:
        parameters: Number of trainable parameters.
        per_iteration_parameters: Number of trainable parameters that grow with the
            iterations even if the block is shared: scale and offset of time-specific
            normalization, and coefficients of template banks.
        normalization_statistics: Number of moving means and variances.
        macs: Multiply-accumulate operations of convolutions and dense layers in one
            forward pass with all iterations. Mixing kernels from templates is not
            included: it happens once per step, and never after `analysis.bake`.
        effective_depth: Number of convolutions and dense layers on the longest path
            through the unrolled network.
        neurons: Number of outputs of convolutions and dense layers. Shared layers count
            once.
        synapses: Number of weights in their kernels or templates. Shared layers count
            once.
        activation_bytes: Bytes of the outputs that a training step keeps for the
            backward pass, in all iterations. This is an upper bound. With `remat`, a
            step keeps the states between iterations and the outputs within one
            iteration.

    Reference:
        Effective depth: Schwarzschild et al. 2022 (arXiv:2102.11011), Figure 1. Neurons
        and synapses: Orhan 2017.
    """

    parameters: int
    per_iteration_parameters: int
    normalization_statistics: int
    macs: int
    effective_depth: int
    neurons: int
    synapses: int
    activation_bytes: int


def costs(model: keras.Model, input_shape: tuple[int, ...] | None = None) -> Costs:
    """Count the costs of a model.

    Args:
        model: Functional or Sequential model of convolutions, dense layers, embeddings,
            normalizations, layers without weights, and loops and readouts of these.
        input_shape: Shape of one example, or a nest of shapes for several inputs.
            Required for models with open sizes. Defaults to the input shape of the
            model.

    Returns:
        `Costs`.

    Raises:
        ValueError: If a size of the input is open, the model has no graph, or the
            operations of a layer with weights are unknown.

    Example:

    >>> pair = keras_recur.zoo.build("mlp", width=200, iterations=5)
    >>> keras_recur.zoo.costs(pair.recurrent).effective_depth
    7
    """
    shapes = _shapes(model, input_shape)
    counter = CostCounter()
    inputs = [
        keras.KerasTensor((None, *shape), dtype=x.dtype)
        for shape, x in zip(shapes, model.inputs, strict=True)
    ]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    depth = counter.depth(model, inputs)
    statistics = sum(
        rows * math.prod(v.shape)
        for layer, rows in counter.normalizations
        for v in layer.non_trainable_variables
    )
    per_iteration = counter.coefficients + sum(
        rows * math.prod(v.shape)
        for layer, rows in counter.normalizations
        if getattr(layer, "affine", None) == "per_iteration"
        for v in layer.trainable_variables
    )
    return Costs(
        parameters=trainable_parameters(model),
        per_iteration_parameters=per_iteration,
        normalization_statistics=statistics,
        macs=counter.macs,
        effective_depth=depth,
        neurons=counter.neurons,
        synapses=counter.synapses,
        activation_bytes=counter.activation_bytes,
    )


def _shapes(model, input_shape):
    """Return the shape of one example of every input, in the order of the inputs."""
    check_type("model", model, keras.Model, "a Keras model")
    if not getattr(model, "inputs", None):
        raise ValueError(
            "Costs are counted from the graph of a model. Received: "
            f"{model.name!r} (of type {type(model).__name__}), which has no graph. "
            "Write it as keras.Model(inputs, outputs), or start a Sequential with "
            "keras.Input(shape)."
        )
    own = [tuple(x.shape[1:]) for x in model.inputs]
    shapes = own if input_shape is None else _given(input_shape, own)
    if any(None in shape for shape in shapes):
        raise ValueError(
            "Costs depend on the size of the input, which is open in this model. "
            f"Received: input_shape={input_shape} for a model with input shape "
            f"{', '.join(map(str, own))}. Give `input_shape`, such as (24, 24, 3)."
        )
    return shapes


def _given(input_shape, own):
    shapes = _flatten(input_shape)
    fits = len(shapes) == len(own) and all(
        isinstance(shape, list | tuple) and len(shape) == len(sizes)
        for shape, sizes in zip(shapes, own, strict=True)
    )
    if not fits:
        raise ValueError(
            "`input_shape` must be the shape of one example, like "
            f"{', '.join(map(str, own))}. Received: input_shape={input_shape!r}."
        )
    return [tuple(check_positive_int("input_shape", n) for n in s) for s in shapes]


def _flatten(nest):
    """Return the shapes in a nest; dictionaries are read by key, as in Keras."""
    if isinstance(nest, dict):
        nest = [nest[key] for key in sorted(nest)]
    elif not isinstance(nest, list | tuple):
        return [nest]
    elif not any(isinstance(part, list | tuple | dict) for part in nest):
        return [nest]
    return [shape for part in nest for shape in _flatten(part)]


def trainable_parameters(model: keras.Model) -> int:
    """Return the number of trainable parameters."""
    return sum(math.prod(v.shape) for v in model.trainable_variables)
