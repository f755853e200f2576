"""What a network costs, counted from its graph: exact, and the same on every backend.

References: effective depth after Schwarzschild et al. 2022 (arXiv:2102.11011), Figure
1; neurons and synapses after Orhan 2017, who sets N neurons and N^2 synapses of a loop
against the dN and dN^2 of d layers.
"""

import dataclasses
import math

import keras

from keras_recur.zoo._tally import Tally


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
        input_shape: Shape of one example, for models that take any size.

    Returns:
        `Costs`.

    Raises:
        ValueError: if a size of the input is open, or for a layer with weights whose
            operations are not known.

    Example:

    >>> pair = keras_recur.zoo.build("mlp", width=200, iterations=5)
    >>> keras_recur.zoo.costs(pair.recurrent).effective_depth
    7
    """
    shape = tuple(model.input_shape[1:]) if input_shape is None else input_shape
    if None in shape:
        raise ValueError(
            "Costs depend on the size of the input, which this model leaves open. "
            f"Received: input_shape={input_shape} for a model of {shape}. Give "
            "`input_shape`, for instance (24, 24, 3)."
        )
    tally = Tally()
    inputs = keras.KerasTensor((None, *shape), dtype=model.inputs[0].dtype)
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


def trainable_parameters(model: keras.Model) -> int:
    """How many numbers are trained."""
    return sum(math.prod(v.shape) for v in model.trainable_variables)
