"""Compile functions of tensors for inference. Results stay on the device."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras


def compiled(function: Callable[..., Any], variables: Sequence[Any]) -> Callable:
    """Return `function(*tensors)` compiled. `variables` are all variables it reads."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow warns if one code object is traced often. A partial has none.
        return tf.function(functools.partial(function), reduce_retracing=True)
    if backend == "jax":
        import jax

        def pure(values, *arguments):
            with keras.StatelessScope(list(zip(variables, values, strict=True))):
                return function(*arguments)

        jitted = jax.jit(pure)
        return lambda *arguments: jitted([v.value for v in variables], *arguments)

    import torch

    def without_gradient(*arguments):
        with torch.no_grad():
            return function(*arguments)

    return without_gradient
