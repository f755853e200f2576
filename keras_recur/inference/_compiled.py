"""Compile functions of tensors for inference. Results stay on the device."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras


def compiled(function: Callable[..., Any], variables: Sequence[Any]) -> Callable:
    """Return `function(*tensors)` compiled. `variables` are all variables it reads.

    Unlike `model.predict_on_batch`, it takes and returns nests of the backend's
    tensors and copies nothing to the host.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow warns of frequent tracing per code of a function, for all models
        # together. A partial has no code.
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
