"""A function of tensors, compiled for inference, whose results stay on the device."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras


def compiled(function: Callable[..., Any], variables: Sequence[Any]) -> Callable:
    """`function(*tensors)` compiled; `variables` are all that it reads.

    Unlike `model.predict_on_batch`, it takes and returns nests of the backend's own
    tensors, which are not copied to the host between two calls.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow warns of frequent tracing by the code of a function, and counts all
        # models together; a partial has none.
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
