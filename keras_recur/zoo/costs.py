"""What a network costs, counted from its graph: exact, and the same on every backend.

References: effective depth after Schwarzschild et al. 2022 (arXiv:2102.11011), Figure
1; neurons and synapses after Orhan 2017, who sets N neurons and N^2 synapses of a loop
against the dN and dN^2 of d layers.
"""

import dataclasses
import math

import keras

from keras_recur._validation import check_positive_int, check_type
from keras_recur.zoo._cost_walk import CostCounter


@dataclasses.dataclass(frozen=True)
class Costs:
    """What one network costs, for one example.

    Attributes:
        parameters: Trainable parameters, all of them.
        per_iteration_parameters: Those among them of which every iteration has its
            own (scale and offset of time-specific normalization, coefficients of
            template banks): they grow with the iterations in the recurrent network
            too.
        normalization_statistics: Moving means and variances, not trained.
        macs: Multiply-accumulate operations of convolutions and dense layers in one
            forward pass, every application counted. Mixing kernels from templates is
            not: it is done once per step, not per example, and not at all after
            `analysis.bake`.
        effective_depth: Convolutions and dense layers on the longest path through
            the unrolled network.
        neurons: Outputs of convolutions and dense layers; of shared ones, once.
        synapses: Weights of their kernels; of shared ones, once. Of template banks,
            the templates.
        activation_bytes: Outputs of all layers that a training step keeps for the
            backward pass, every application counted: an upper estimate, since a
            compiler may keep less. With `remat`, the states between iterations and
            the inside of one iteration.
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
    """Counts what a model costs.

    Args:
        model: A Functional or Sequential model of convolutions, dense layers,
            embeddings, normalizations, layers without weights, and loops and readouts
            of these.
        input_shape: Shape of one example, for models that take any size; where the
            model has several inputs, a nest of shapes like its inputs. Default: the
            model's own.

    Returns:
        `Costs`.

    Raises:
        ValueError: if a size of the input is open, for a model without a graph, and
            for a layer with weights whose operations are not known.

    Example:

    >>> pair = keras_recur.zoo.build("mlp", width=200, iterations=5)
    >>> keras_recur.zoo.costs(pair.recurrent).effective_depth
    7
    """
    shapes = _shapes(model, input_shape)
    tally = CostCounter()
    inputs = [
        keras.KerasTensor((None, *shape), dtype=x.dtype)
        for shape, x in zip(shapes, model.inputs, strict=True)
    ]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    depth = tally.depth(model, inputs)
    statistics = sum(
        rows * math.prod(v.shape)
        for layer, rows in tally.normalizations
        for v in layer.non_trainable_variables
    )
    own = tally.coefficients + sum(
        rows * math.prod(v.shape)
        for layer, rows in tally.normalizations
        if getattr(layer, "affine", None) == "per_iteration"
        for v in layer.trainable_variables
    )
    return Costs(
        parameters=trainable_parameters(model),
        per_iteration_parameters=own,
        normalization_statistics=statistics,
        macs=tally.macs,
        effective_depth=depth,
        neurons=tally.neurons,
        synapses=tally.synapses,
        activation_bytes=tally.activation_bytes,
    )


def _shapes(model, input_shape):
    """The shape of one example of every input, in the order of `model.inputs`."""
    check_type("model", model, keras.Model, "a Keras model")
    if not getattr(model, "inputs", None):
        raise ValueError(
            "Costs are counted from a graph. Received: "
            f"{model.name!r} (of type {type(model).__name__}), which has none yet. "
            "Write it as keras.Model(inputs, outputs), or begin a Sequential with "
            "keras.Input(shape)."
        )
    own = [tuple(x.shape[1:]) for x in model.inputs]
    shapes = own if input_shape is None else _given(input_shape, own)
    if any(None in shape for shape in shapes):
        raise ValueError(
            "Costs depend on the size of the input, which this model leaves open. "
            f"Received: input_shape={input_shape} for a model of "
            f"{', '.join(map(str, own))}. Give `input_shape`, for instance (24, 24, 3)."
        )
    return shapes


def _given(input_shape, own):
    def is_shape(value):
        return isinstance(value, list | tuple) and not any(
            isinstance(size, list | tuple | dict) for size in value
        )

    if len(own) == 1 and is_shape(input_shape):
        shapes = [input_shape]
    else:
        # As Keras flattens inputs: dictionaries by key.
        shapes, waiting = [], [input_shape]
        while waiting:
            value = waiting.pop(0)
            if is_shape(value):
                shapes.append(value)
            elif isinstance(value, dict):
                waiting[:0] = [value[key] for key in sorted(value)]
            elif isinstance(value, list | tuple):
                waiting[:0] = value
            else:
                shapes.append(value)
    fits = len(shapes) == len(own) and all(
        is_shape(shape) and len(shape) == len(sizes)
        for shape, sizes in zip(shapes, own, strict=False)
    )
    if not fits:
        raise ValueError(
            f"`input_shape` must be the shape of one example like "
            f"{', '.join(map(str, own))}. Received: input_shape={input_shape!r}."
        )
    return [tuple(check_positive_int("input_shape", n) for n in s) for s in shapes]


def trainable_parameters(model: keras.Model) -> int:
    """How many numbers are trained."""
    return sum(math.prod(v.shape) for v in model.trainable_variables)
