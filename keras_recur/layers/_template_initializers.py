"""Initial values of template banks."""

import keras
import numpy as np
from keras import ops

from keras_recur._validation import nearest
from keras_recur.layers._keras_arguments import check_keras
from keras_recur.layers._seeds import derived_seed

_STARTS = ("orthogonal", "orthogonal_rows", "identity", "ones")


class EachTemplate(keras.initializers.Initializer):
    """Initialize each template separately, so that fan-in counts one template."""

    def __init__(self, initializer, seed):
        self.initializer = initializer
        self.seed = seed

    def __call__(self, shape, dtype=None):
        values = [
            _seeded(self.initializer, self.seed, number)(shape[1:], dtype=dtype)
            for number in range(shape[0])
        ]
        return ops.stack(values)


def first_coefficients(initializer, seed):
    """Return the initializer of the coefficients of a bank."""
    if not isinstance(initializer, str):
        return _seeded(initializer, seed, "coefficients")

    def values(shape, dtype=None):
        if initializer == "ones":
            return ops.ones(shape, dtype)
        if initializer == "identity":
            rows, columns = shape
            return ops.cast(np.eye(columns)[np.arange(rows) % columns], dtype)
        draw = keras.initializers.Orthogonal(seed=derived_seed(seed, "coefficients"))
        matrix = draw(shape, dtype=dtype)
        if initializer == "orthogonal_rows":
            matrix = matrix / ops.norm(matrix, axis=1, keepdims=True)
        return matrix

    return values


def _seeded(initializer, seed, number):
    """Return the initializer with a seed derived from its own or from `seed`."""
    config = getattr(initializer, "get_config", dict)()
    if "seed" not in config:
        return initializer
    own = seed if config["seed"] is None else config["seed"]
    return type(initializer).from_config({**config, "seed": derived_seed(own, number)})


def coefficients_start(initializer):
    """Return the argument `coefficients_initializer`, checked."""
    if isinstance(initializer, str) and initializer in _STARTS:
        return initializer
    try:
        return check_keras(
            "initializer", initializer, keras.initializers.get, optional=False
        )
    except ValueError:
        raise ValueError(
            "Unknown value for `coefficients_initializer`. Received: "
            f"{initializer!r}. Allowed: {', '.join(map(repr, _STARTS))} or a Keras "
            f"initializer.{nearest(initializer, _STARTS)}"
        ) from None
