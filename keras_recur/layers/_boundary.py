"""Boundaries between iterations, so that XLA compiles each of them on its own."""

# On a CPU, XLA fuses a chain of residual blocks into its consumers: every iteration
# computes all earlier ones again. It ignores barriers there, but not conditionals.

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops, tree

from keras_recur.layers._masks import attach, masks_of

_switched_off = False


@contextlib.contextmanager
def no_boundaries() -> Iterator[None]:
    """Trace loops without boundaries, to measure or test what these change."""
    global _switched_off
    before, _switched_off = _switched_off, True
    try:
        yield
    finally:
        _switched_off = before


def boundary_of(given: Any) -> Callable[[Any], Any]:
    """Return a function that returns a nest of tensors as it is, through a boundary.

    Both branches of the conditional return the nest, so any condition is right. It
    depends on `given`, the input of the loop, because XLA must not know it.
    """
    backend = keras.backend.backend()
    if _switched_off or backend not in _CONDITIONALS:
        return _unchanged
    first = tree.flatten(given)[0]
    if first is None or not _by_xla_on_cpu(backend, first):
        return _unchanged
    conditional = _CONDITIONALS[backend]
    condition = ops.any(ops.cast(first, "bool"))

    def bounded(nest):
        leaves = conditional(condition, tree.flatten(nest))
        return attach(tree.pack_sequence_as(nest, leaves), masks_of(nest))

    return bounded


def _by_xla_on_cpu(backend, tensor):
    """Return whether XLA compiles this for a CPU. Accelerators are not measured."""
    if backend == "jax":
        import jax
        from jax.core import Tracer

        # Outside of a trace nothing is fused.
        return isinstance(tensor, Tracer) and jax.default_backend() == "cpu"
    import tensorflow as tf

    return in_xla() and not tf.config.list_physical_devices("GPU")


def in_xla() -> bool:
    """Return whether TensorFlow traces a function that XLA compiles."""
    import tensorflow as tf
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

    return GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def _jax_conditional(condition, leaves):
    import jax

    return jax.lax.cond(condition, _unchanged, _negated_twice, leaves)


def _tensorflow_conditional(condition, leaves):
    import tensorflow as tf

    return tf.cond(
        condition, lambda: _unchanged(leaves), lambda: _negated_twice(leaves)
    )


_CONDITIONALS = {"jax": _jax_conditional, "tensorflow": _tensorflow_conditional}


def _unchanged(nest):
    return nest


def _negated_twice(leaves):
    """Return the same values in another way, as JAX joins two equal branches."""
    # Here `optimization_barrier` would end the process inside of a while loop.
    return [
        ops.negative(ops.negative(x)) if keras.backend.is_float_dtype(x.dtype) else x
        for x in leaves
    ]
