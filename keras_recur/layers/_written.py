"""Find the variables that a block writes when it is called."""

import contextvars
from typing import Any

import keras
from keras import ops, tree

from keras_recur._keras import compute_output_spec
from keras_recur.layers._walk import walk
from keras_recur.layers.iteration import iteration_scope

_asking = contextvars.ContextVar("asking", default=False)


def is_asked() -> bool:
    """Return whether a block is traced only to find the variables that it writes."""
    return _asking.get()


class RecordingScope(keras.StatelessScope):
    """A `StatelessScope` that records writes, with the gradients of the backend."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.written: set[int] = set()

    def add_update(self, update):
        variable, value = update
        self.written.add(id(variable))
        # On other backends no gradient passes through an assignment.
        if keras.backend.backend() != "jax":
            before = self.get_current_value(variable)
            value = ops.stop_gradient(ops.convert_to_tensor(value))
            if variable.trainable and before is not None:
                value = value + (before - ops.stop_gradient(before))
        super().add_update((variable, value))


class Written:
    """The trainable variables that blocks write. Keras does not track them here."""

    def __init__(self):
        self._found: dict[Any, list[Any]] = {}

    def by(self, block, inputs, training, iterations) -> list[Any]:
        """Return the trainable variables that `block(inputs)` writes."""
        key = id(block), bool(training)
        if key not in self._found:
            may = any(map(_may_write, walk(block)))
            asking = _asking.set(True)
            try:
                self._found[key] = (
                    _written(block, inputs, training, iterations) if may else []
                )
            finally:
                _asking.reset(asking)
        return self._found[key]


def _may_write(layer):
    """Return whether a layer may write trainable weights: a user's layer may."""
    ours = type(layer).__module__.startswith(("keras.src.", "keras_recur."))
    return isinstance(layer, keras.layers.SpectralNormalization) or not ours


def _written(block, inputs, training, iterations):
    found: set[int] = set()

    def called(leaves):
        # On JAX, variables have no values of their own during training and prediction.
        values = [(v, ops.zeros(v.shape, v.dtype)) for v in block.variables]
        with RecordingScope(values) as scope, iteration_scope(0, iterations):
            outputs = block(
                tree.pack_sequence_as(inputs, leaves), training=bool(training)
            )
        found.update(scope.written)
        return tree.flatten(outputs)

    leaves = [
        keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype))
        for x in tree.flatten(inputs)
    ]
    compute_output_spec(called, leaves)
    return [v for v in block.trainable_variables if id(v) in found]


def check_written(block, scope, variables):
    """Refuse a write to variables whose values are not carried through the loop."""
    unexpected = [v.path for v in variables if id(v) in scope.written]
    if unexpected:
        raise ValueError(
            "A rolled or rematerialized loop, a progressive call and a template bank "
            "need a block that writes the same trainable weights at every call. "
            f"Received: a block {block.name!r} that also writes {unexpected}. Use an "
            "unrolled loop without `remat`."
        )
