"""A block as a pure function of its variables."""

# Traced code must not write to variables: JAX would leak tracers, and other backends
# would update statistics twice.

import functools
from typing import Any

import keras
from keras import ops, tree

from keras_recur._keras import forget_losses
from keras_recur.layers._boundary import in_xla
from keras_recur.layers._direct import DirectBlock
from keras_recur.layers._masks import attach, mapped, masks_of
from keras_recur.layers._written import RecordingScope, check_written
from keras_recur.layers.iteration import iteration_scope


class PureBlock:
    """A block with its variables as arguments."""

    # Create it outside autocast, so that values have the variables' precision.
    def __init__(
        self, direct: DirectBlock, iterations, training, remat=False, written=()
    ):
        self.direct, self.block = direct, direct.block
        block = direct.block
        # Add it to the block's turn to get the number of the iteration in the loop.
        self.offset: Any = 0
        self.iterations = iterations
        self.training = training
        carried = {id(v) for v in written}
        self.trainable = [v for v in block.trainable_variables if id(v) not in carried]
        self.mutable = [*block.non_trainable_variables, *written]
        self.weights = [v.value for v in self.trainable]
        self.adds_losses = False
        self._apply = self._rematerialized if remat else self._plain

    def start(self):
        """Return the carried values: the mutable variables and the sum of losses."""
        # On PyTorch a value aliases the storage that `assign` writes to later.
        values = [ops.copy(v.value) for v in self.mutable]
        return [*values, ops.zeros((), "float32")]

    def finish(self, carried):
        """Assign the carried values; return the sum of the block's losses."""
        for variable, value in zip(self.mutable, carried[:-1], strict=True):
            variable.assign(value)
        return carried[-1]

    def __call__(self, index, carried, inputs, frozen=False):
        """Apply the block; return the new state and the new carried values."""
        weights, stop = self.weights, ops.stop_gradient
        if not frozen:
            return self._apply(index, weights, carried, inputs)
        weights = [stop(w) for w in weights]
        inputs = mapped(stop, inputs)
        outputs, carried = self._plain(index, weights, carried, inputs)
        return mapped(stop, outputs), [stop(c) for c in carried]

    def _plain(self, index, weights, carried, inputs):
        mapping = [
            *zip(self.trainable, weights, strict=True),
            *zip(self.mutable, carried[:-1], strict=True),
        ]
        with RecordingScope(mapping, collect_losses=True) as scope:
            with iteration_scope(index, self.iterations, index + self.offset):
                outputs = self.direct(inputs, training=self.training)
        check_written(self.block, scope, self.mutable)
        forget_losses(self.block, scope.losses)
        self.adds_losses = self.adds_losses or bool(scope.losses)
        updated = [scope.get_current_value(v) for v in self.mutable]
        losses = sum((ops.cast(x, "float32") for x in scope.losses), carried[-1])
        return outputs, [*updated, losses]

    def _rematerialized(self, index, weights, carried, inputs):
        """Apply the block, and recompute it in the backward pass."""
        # TensorFlow recomputes in another graph, so all tensors are arguments.
        leaves, masks = tree.flatten(inputs), masks_of(inputs)
        given = [mask for mask in masks if mask is not None]
        arguments = [*weights, *carried, *leaves, *given]
        traced_index = not isinstance(index, int)
        if traced_index:
            arguments.append(index)
        sizes = len(weights), len(weights) + len(carried)
        sizes = *sizes, sizes[-1] + len(leaves)
        structure = {}

        def step(*flat):
            flat = list(flat)
            row = flat.pop() if traced_index else index
            own = iter(flat[sizes[2] :])
            outputs, updated = self._plain(
                row,
                flat[: sizes[0]],
                flat[sizes[0] : sizes[1]],
                attach(
                    tree.pack_sequence_as(inputs, flat[sizes[1] : sizes[2]]),
                    [None if mask is None else next(own) for mask in masks],
                ),
            )
            found = masks_of(outputs)
            structure["outputs"] = outputs
            structure["masked"] = [mask is not None for mask in found]
            found = [mask for mask in found if mask is not None]
            return tuple(tree.flatten(outputs) + updated + found)

        flat = list(_remat(step)(*arguments))
        count = len(structure["masked"])
        outputs = tree.pack_sequence_as(structure["outputs"], flat[:count])
        updated = flat[count : count + len(carried)]
        found = iter(flat[count + len(carried) :])
        masks = [next(found) if masked else None for masked in structure["masked"]]
        return attach(outputs, masks), updated


def _remat(step):
    if keras.backend.backend() != "tensorflow":
        return keras.remat(step)
    return functools.partial(_tensorflow_remat, step)


def _tensorflow_remat(step, *arguments):
    """Recompute as `tf.recompute_grad` does, also with integer arguments."""
    import tensorflow as tf

    # In a branch, `tf.custom_gradient` refuses tensors of the outer graph.
    arguments = [tf.identity(a) for a in arguments]
    floating = [a.dtype.is_floating for a in arguments]

    # `tf.recompute_grad` returns `None` for integers, such as the states of seeds,
    # and `while_loop` refuses it.
    @tf.custom_gradient
    def recomputed(*flat):
        outputs = step(*flat)
        smooth = [i for i, x in enumerate(outputs) if x.dtype.is_floating]

        def gradient(*upstream):
            upstream = [upstream[i] for i in smooth]
            # The barrier keeps the compiler from merging the two computations.
            with tf.control_dependencies(upstream):
                held = _barrier([*flat, *upstream])
            again, upstream = held[: len(flat)], held[len(flat) :]
            watched = [x for x, f in zip(again, floating, strict=True) if f]
            with tf.GradientTape() as tape:
                tape.watch(watched)
                values = step(*again)
            gradients = tape.gradient(
                [values[i] for i in smooth],
                watched,
                output_gradients=upstream,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            # Finish this first, so that the recomputed values are freed early.
            with tf.control_dependencies(gradients):
                found = iter([tf.identity(g) for g in gradients])
            return [
                next(found) if f else tf.zeros_like(x)
                for x, f in zip(again, floating, strict=True)
            ]

        return outputs, gradient

    return recomputed(*arguments)


def _barrier(tensors):
    """Return the same tensors through an operation that compilers keep."""
    import tensorflow as tf

    # XLA looks through identities, and its own barrier exists nowhere else.
    if in_xla():
        from tensorflow.compiler.tf2xla.python import xla

        return xla.optimization_barrier(*tensors)
    return tf.raw_ops.IdentityN(input=tensors)
