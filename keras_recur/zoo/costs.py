"""What a network costs, counted from its graph: exact, and the same on every backend.

References: effective depth after Schwarzschild et al. 2022 (arXiv:2102.11011), Figure
1; neurons and synapses after Orhan 2017, who sets N neurons and N^2 synapses of a loop
against the dN and dN^2 of d layers.
"""

import dataclasses
import math
from typing import Any

import keras

from keras_recur.layers import (
    Readout,
    RecurrentGraph,
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
)
from keras_recur.layers._template_conv import TemplateLayer

_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
)
_NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    TimeSpecificBatchNormalization,
)


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
        effective_depth: Convolutions and dense layers of the unrolled network.
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
    tally = _Tally()
    inputs = keras.KerasTensor((None, *shape), dtype=model.inputs[0].dtype)
    tally.visit(model, inputs)
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
        effective_depth=tally.depth,
        neurons=tally.neurons,
        synapses=tally.synapses,
        activation_bytes=tally.activation_bytes,
    )


def trainable_parameters(model: keras.Model) -> int:
    """How many numbers are trained."""
    return sum(math.prod(v.shape) for v in model.trainable_variables)


class _Tally:
    """Walks through a network by shapes alone, and adds up."""

    def __init__(self):
        self.macs = self.depth = self.neurons = self.synapses = 0
        self.activation_bytes = 0
        self.normalizations = []
        self.coefficients = 0
        self._rows = 1

    def visit(self, layer, inputs, times=1, **kwargs):
        """Adds `times` applications of a layer; returns the spec of its output."""
        if isinstance(layer, SharedRecurrentBlock):
            return self._loop(layer, inputs, **kwargs)
        if isinstance(layer, RecurrentGraph):
            return self._graph(layer, inputs, **kwargs)
        if isinstance(layer, Readout):
            return self._readout(layer, inputs, **kwargs)
        if isinstance(layer, keras.Sequential):
            for inner in layer.layers:
                inputs = self.visit(inner, inputs, times)
            return inputs
        if hasattr(layer, "operations"):
            return self._functional(layer, inputs, times)
        outputs = layer.compute_output_spec(inputs, **kwargs)
        if isinstance(layer, TemplateBank):
            self._bank(layer)
            return outputs
        size = sum(math.prod(x.shape[1:]) for x in keras.tree.flatten(outputs))
        width = {"float16": 2, "bfloat16": 2, "float64": 8}
        self.activation_bytes += times * size * width.get(_dtype(outputs), 4)
        if isinstance(layer, (keras.layers.Dense, *_CONVOLUTIONS)):
            kernel = math.prod(layer.kernel.shape)
            # A transposed convolution multiplies at every position of its input.
            transposed = "Transpose" in type(layer).__name__
            positions = math.prod((inputs if transposed else outputs).shape[1:-1])
            self.macs += times * positions * kernel
            self.depth += times
            self.neurons += size
            self.synapses += kernel
        elif isinstance(layer, _NORMALIZATIONS):
            self.normalizations.append((layer, self._rows))
        elif layer.weights and not isinstance(layer, keras.layers.Embedding):
            raise ValueError(
                f"The operations of layer {layer.name!r} "
                f"({type(layer).__name__}) are not known. Known: Dense, convolutions, "
                "embeddings (a look-up multiplies nothing), normalizations, layers "
                "without weights."
            )
        return outputs

    def _loop(self, layer, state, injected=None, iterations=None, **kwargs):
        inputs = layer.inject(state, state if injected is None else injected)
        groups, _ = layer.schedule(iterations)
        before, synapses = self.activation_bytes, self.synapses
        for group in dict.fromkeys(groups):
            inner = self.activation_bytes
            # With banks, what is not a kernel has a row for every iteration.
            self._rows = layer.iterations if layer.soft else 1
            block = layer.block if layer.soft else layer.blocks[group]
            self.visit(block, inputs, groups.count(group))
            self._rows = 1
            inner = self.activation_bytes - inner
        if layer.soft:
            self.synapses = synapses
            for bank in layer.banks:
                self._bank(bank)
        if layer.remat:
            last = groups.count(groups[-1])
            leaves = keras.tree.flatten(state)
            kept = sum(4 * math.prod(x.shape[1:]) for x in leaves) * len(groups)
            self.activation_bytes = before + kept + inner // last
        return layer.compute_output_spec(state, iterations=iterations, **kwargs)

    def _graph(self, layer, inputs, steps=None, **kwargs):
        """Every evaluation of a transition; depth along the longest path."""
        outputs = layer.compute_output_spec(inputs, steps=steps, **kwargs)
        schedule = layer.schedule(steps, kwargs.get("return_sequence"))
        counted: set[int] = set()
        before = self.depth
        depths = {(name, 0): 0 for name in layer.states}
        for e in schedule.evaluations:
            block, *_ = layer.application(e.key)
            state = keras.KerasTensor(
                (None, *layer.states[e.source]), dtype=layer.compute_dtype
            )
            kept = self.neurons, self.synapses, list(self.normalizations)
            inner, self.depth = self.activation_bytes, 0
            self.visit(block, state)
            if id(block) in counted:
                self.neurons, self.synapses, self.normalizations = kept
            counted.add(id(block))
            if layer.remat:
                last, self.activation_bytes = self.activation_bytes - inner, inner
                self.activation_bytes += 4 * math.prod(state.shape[1:])
            arrived = depths[e.source, e.step - 1] + self.depth
            depths[e.target, e.step] = max(depths.get((e.target, e.step), 0), arrived)
        if layer.remat:
            self.activation_bytes += last
        self.depth = before + depths[layer.readout, schedule.steps]
        return outputs

    def _bank(self, bank):
        self.synapses += math.prod(bank.templates.shape)
        self.coefficients += sum(math.prod(v.shape) for v in bank.undecayed)

    def template_layer(self, layer, x, kernel, times):
        """Adds applications of a layer whose kernel comes from a bank."""
        outputs = layer.compute_output_spec(x, kernel)
        size = math.prod(outputs.shape[1:])
        width = {"float16": 2, "bfloat16": 2, "float64": 8}
        self.activation_bytes += times * size * width.get(_dtype(outputs), 4)
        self.macs += times * (size // outputs.shape[-1]) * math.prod(kernel.shape)
        self.depth += times
        self.neurons += size
        return outputs

    def _readout(self, layer, inputs, **kwargs):
        outputs = layer.compute_output_spec(inputs, **kwargs)
        every = (kwargs.get("readout") or layer.readout) == "all"
        shape = (inputs.shape[0], *inputs.shape[2:]) if every else inputs.shape
        state = keras.KerasTensor(shape, dtype=inputs.dtype)
        times, before = inputs.shape[1] if every else 1, self.depth
        self.visit(layer.head, state, times)
        # Readouts lie side by side: the longest path leads through one of them.
        self.depth = before + (self.depth - before) // times
        return outputs

    def _functional(self, model, inputs, times):
        def stand_in(operation):
            return _StandIn(operation, self, times)

        inputs = keras.tree.map_structure(
            lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype), inputs
        )

        def call(layer, *args, **kwargs):
            # Keras refuses tensors and settings side by side in `**kwargs`.
            tensors = {
                k: v for k, v in kwargs.items() if isinstance(v, keras.KerasTensor)
            }
            layer.settings = {k: v for k, v in kwargs.items() if k not in tensors}
            return layer(*args, **tensors)

        again = keras.models.clone_model(
            model, input_tensors=inputs, clone_function=stand_in, call_function=call
        )
        return keras.KerasTensor(again.output.shape, dtype=again.output.dtype)


class _StandIn(keras.layers.Layer):
    """Takes an operation's place in a graph, to see the shapes that pass it."""

    def __init__(self, operation, tally, times):
        super().__init__()
        self.built = True
        self.settings = {}
        self._visit = lambda *a, **k: tally.visit(operation, *a, times=times, **k)
        self._operation = [operation] if isinstance(operation, keras.Layer) else ()
        self._template = None
        if isinstance(operation, TemplateLayer):
            self._template = lambda *a: tally.template_layer(operation, *a, times)
        self._spec = operation.compute_output_spec

    def compute_output_spec(self, *args, **kwargs):
        kwargs |= self.settings
        if self._operation and len(args) == 1:
            return self._visit(*args, **kwargs)
        if self._template:
            return self._template(*args)
        return self._spec(*args, **kwargs)


def _dtype(outputs: Any) -> str:
    first = keras.tree.flatten(outputs)[0]
    return keras.backend.standardize_dtype(first.dtype)
