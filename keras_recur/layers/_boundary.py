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
    if _switched_off or keras.backend.backend() != "jax":
        return _unchanged
    import jax
    from jax.core import Tracer

    first = tree.flatten(given)[0]
    # Outside of a trace nothing is fused. Accelerators have not been measured.
    if not isinstance(first, Tracer) or jax.default_backend() != "cpu":
        return _unchanged
    condition = jax.numpy.any(first)

    def bounded(nest):
        leaves = jax.lax.cond(condition, _unchanged, _negated_twice, tree.flatten(nest))
        return attach(tree.pack_sequence_as(nest, leaves), masks_of(nest))

    return bounded


def _unchanged(nest):
    return nest


def _negated_twice(leaves):
    """Return the same values in another way, as JAX joins two equal branches."""
    # Here `optimization_barrier` would end the process inside of a while loop.
    return [
        ops.negative(ops.negative(x)) if keras.backend.is_float_dtype(x.dtype) else x
        for x in leaves
    ]
