"""Walk through a network by shapes and count every application of a layer."""

# Depth is not a sum: gates are parallel, and a loop has long and short paths. Every
# tensor therefore has the longest path from each input of its loop.

import math
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_recur.layers import (
    LeakyUpdate,
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
_WITHOUT_MACS = (keras.layers.Embedding, LeakyUpdate)
_BYTES = {"float16": 2, "bfloat16": 2, "float64": 8}


class CostCounter:
    """Counts of a walk, named as in `Costs`."""

    def __init__(self):
        self.macs = self.neurons = self.synapses = self.activation_bytes = 0
        self.normalizations = []
        self.coefficients = 0
        self._rows = 1
        # Each tensor is kept so that no other tensor gets its id.
        self._paths: dict[int, tuple[Any, np.ndarray]] = {}
        self._counted: set[int] = set()  # Layers with counted weights, by id.

    def depth(self, model, inputs):
        """Walk through a model and return the length of its longest path."""
        self._mark(inputs, np.zeros(1))
        return int(self._longest(self.visit(model, inputs)).max())

    def _longest(self, *tensors):
        found = [
            self._paths[id(x)][1] for x in tree.flatten(tensors) if id(x) in self._paths
        ]
        return np.max(found, axis=0) if found else np.array(-np.inf)

    def _mark(self, tensors, lengths):
        for x in tree.flatten(tensors):
            self._paths[id(x)] = x, lengths
        return tensors

    def visit(self, layer, inputs, *more, times=1, **kwargs):
        """Count `times` applications of a layer and return the spec of its output."""
        if isinstance(layer, SharedRecurrentBlock):
            return self._loop(layer, inputs, *more, times=times, **kwargs)
        if isinstance(layer, RecurrentGraph):
            return self._graph(layer, inputs, times=times, **kwargs)
        if isinstance(layer, Readout):
            return self._readout(layer, inputs, times=times, **kwargs)
        if isinstance(layer, keras.Sequential):
            for inner in layer.layers:
                inputs = self.visit(inner, inputs, times=times)
            return inputs
        if hasattr(layer, "operations"):
            return self._functional(layer, inputs, times)
        outputs = layer.compute_output_spec(inputs, *more, **kwargs)
        first = id(layer) not in self._counted
        self._counted.add(id(layer))
        if isinstance(layer, TemplateBank):
            if first:
                self._bank(layer)
            return outputs
        size = self._stored(outputs, times)
        multiplies = isinstance(layer, (keras.layers.Dense, *_CONVOLUTIONS))
        if multiplies:
            kernel = math.prod(layer.kernel.shape)
            # A transposed convolution multiplies at every position of its input.
            transposed = "Transpose" in type(layer).__name__
            positions = math.prod((inputs if transposed else outputs).shape[1:-1])
            self.macs += times * positions * kernel
            if first:
                self.neurons += size
                self.synapses += kernel
        elif isinstance(layer, _NORMALIZATIONS):
            if first:
                self.normalizations.append((layer, self._rows))
        elif layer.weights and not isinstance(layer, _WITHOUT_MACS):
            raise ValueError(
                f"The operations of layer {layer.name!r} "
                f"({type(layer).__name__}) are unknown. Allowed: Dense, convolutions, "
                "embeddings, normalizations, LeakyUpdate and layers without weights."
            )
        arrived = self._longest(inputs, more, list(kwargs.values()))
        return self._mark(outputs, arrived + multiplies)

    def _stored(self, outputs, times):
        """Count bytes kept for the backward pass, and return the size of one output."""
        sizes = [(math.prod(x.shape[1:]), x.dtype) for x in tree.flatten(outputs)]
        self.activation_bytes += times * sum(
            size * _BYTES.get(keras.backend.standardize_dtype(dtype), 4)
            for size, dtype in sizes
        )
        return sum(size for size, _ in sizes)

    def _loop(self, layer, state, injected=None, *, times=1, iterations=None, **kwargs):
        leaves = tree.flatten(state)
        shown = leaves if injected is None else tree.flatten(injected)
        shown = shown if layer.injection else []
        # Paths within the loop are counted from its inputs, so these are new tensors.
        inputs = tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, dtype=x.dtype),
            layer.inject(state, state if injected is None else injected),
        )
        for i, x in enumerate(tree.flatten(inputs)):
            lengths = np.full(len(leaves) + len(shown), -np.inf)
            lengths[[i, len(leaves) + i] if shown else [i]] = 0
            self._mark(x, lengths)
        groups, _ = layer.schedule(iterations, kwargs.get("start", 0))
        before, synapses = self.activation_bytes, self.synapses
        ways = {}
        for group in dict.fromkeys(groups):
            inner = self.activation_bytes
            self._rows = layer.weight_sharing.rows_per_weight
            block = layer.block_of(layer.groups.index(group))
            outputs = self.visit(block, inputs, times=times * groups.count(group))
            ways[group] = np.stack([self._longest(x) for x in tree.flatten(outputs)])
            self._rows = 1
            inner = self.activation_bytes - inner
        mixed = layer.weight_sharing.kernel_counts()
        if mixed is not None:
            self.synapses = synapses
            if id(layer) not in self._counted:
                self.synapses += mixed[0]
                self.coefficients += mixed[1]
            self._counted.add(id(layer))
        if layer.remat:
            last = groups.count(groups[-1])
            kept = sum(4 * math.prod(x.shape[1:]) for x in leaves) * len(groups)
            self.activation_bytes = before + times * kept + inner // (times * last)
        reached = np.stack([self._longest(x) for x in leaves])
        fixed = [self._longest(x) for x in shown]
        for group in groups:
            arriving = np.stack([*reached, *fixed])
            reached = (ways[group][:, :, None] + arriving).max(axis=1)
        outputs = layer.compute_output_spec(state, iterations=iterations, **kwargs)
        for x, lengths in zip(tree.flatten(outputs), reached, strict=True):
            self._mark(x, lengths)
        return outputs

    def _graph(self, layer, inputs, *, times=1, steps=None, **kwargs):
        """Count every evaluation of a transition."""
        outputs = layer.compute_output_spec(inputs, steps=steps, **kwargs)
        schedule = layer.schedule(steps, kwargs.get("return_sequences"))
        reached = {(name, 0): np.zeros(1) for name in layer.states}
        for e in schedule.evaluations:
            block, *_ = layer.application(e.key)
            state = keras.KerasTensor(
                (None, *layer.states[e.source]), dtype=layer.compute_dtype
            )
            inner = self.activation_bytes
            self._mark(state, reached[e.source, e.step - 1])
            arrived = self._longest(self.visit(block, state, times=times))
            if layer.remat:
                last, self.activation_bytes = self.activation_bytes - inner, inner
                self.activation_bytes += times * 4 * math.prod(state.shape[1:])
            known = reached.get((e.target, e.step), arrived)
            reached[e.target, e.step] = np.maximum(known, arrived)
        if layer.remat:
            self.activation_bytes += last // times
        within = reached[layer.readout, schedule.steps]
        return self._mark(outputs, self._longest(inputs) + within)

    def _bank(self, bank):
        self.synapses += math.prod(bank.templates.shape)
        self.coefficients += sum(math.prod(v.shape) for v in bank.undecayed)

    def _template_layer(self, layer, x, kernel, times):
        """Count applications of a layer whose kernel comes from a bank."""
        outputs = layer.compute_output_spec(x, kernel)
        size = self._stored(outputs, times)
        self.macs += times * (size // outputs.shape[-1]) * math.prod(kernel.shape)
        self.neurons += size
        return self._mark(outputs, self._longest(x) + 1)

    def _readout(self, layer, inputs, *, times=1, **kwargs):
        outputs = layer.compute_output_spec(inputs, **kwargs)
        shape = inputs.shape
        if (kwargs.get("readout") or layer.readout) == "all":
            times *= shape[1]
            shape = (shape[0], *shape[2:])
        state = keras.KerasTensor(shape, dtype=inputs.dtype)
        self._mark(state, self._longest(inputs))
        logits = self.visit(layer.head, state, times=times)
        return self._mark(outputs, self._longest(logits))

    def _functional(self, model, inputs, times):
        def call(operation, *args, **kwargs):
            if isinstance(operation, TemplateLayer):
                return self._template_layer(operation, *args, times=times, **kwargs)
            if isinstance(operation, keras.Layer) and args:
                return self.visit(operation, *args, times=times, **kwargs)
            outputs = operation.compute_output_spec(*args, **kwargs)
            return self._mark(outputs, self._longest(args, list(kwargs.values())))

        # Private, but `keras.models.clone_model` uses it, and it creates no model.
        return model._run_through_graph(
            inputs, operation_fn=lambda operation: operation, call_fn=call
        )
