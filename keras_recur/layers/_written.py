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
        self.written: dict[int, Any] = {}

    def add_update(self, update):
        variable, value = update
        self.written[id(variable)] = variable
        # On other backends no gradient passes through an assignment.
        if keras.backend.backend() != "jax":
            before = self.get_current_value(variable)
            value = ops.stop_gradient(ops.convert_to_tensor(value))
            if variable.trainable and before is not None:
                value = value + (before - ops.stop_gradient(before))
        super().add_update((variable, value))


class Written:
    """The variables that blocks write, except for tracked ones that are not trained.

    Keras does not track them here.
    """

    def __init__(self):
        self._found: dict[Any, list[Any]] = {}

    def by(self, block, inputs, training, iterations) -> list[Any]:
        """Return the variables that `block(inputs)` writes.

        They are trainable, or Keras does not track them, such as the states of an RNN.
        """
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
    """Return whether a layer may write such variables: a user's code may."""
    ours = type(layer).__module__.startswith(("keras.src.", "keras_recur."))
    writers = keras.layers.SpectralNormalization, keras.layers.Lambda
    return not ours or isinstance(layer, writers) or getattr(layer, "stateful", False)


def _written(block, inputs, training, iterations):
    found: dict[int, Any] = {}

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
    if keras.backend.backend() == "torch":
        _run(called, leaves)
    else:
        compute_output_spec(called, leaves)
    carried = {id(v) for v in block.non_trainable_variables}
    return [v for key, v in found.items() if key not in carried]


def _run(called, specs):
    """Call a function with real tensors of the shapes of `specs`."""
    # Keras would trace it without values. PyTorch then draws no random numbers, which
    # would hide that seeds are written.
    import torch

    shapes = [(s.shape[0] or 1, *(n or 64 for n in s.shape[1:])) for s in specs]
    pairs = zip(shapes, specs, strict=True)
    with torch.no_grad():
        called([ops.ones(shape, spec.dtype) for shape, spec in pairs])


def check_written(block, scope, carried):
    """Refuse a write to variables other than those carried through the loop."""
    known = set(map(id, carried))
    unexpected = [v.path for key, v in scope.written.items() if key not in known]
    if unexpected:
        raise ValueError(
            "A rolled or rematerialized loop, a progressive call and a template bank "
            "need a block that writes the same variables at every call. "
            f"Received: a block {block.name!r} that also writes {unexpected}. Use an "
            "unrolled loop without `remat`."
        )
