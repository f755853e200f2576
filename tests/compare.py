"""Arrays of tensors and models, and one rule for how close they must be."""

import numpy as np
from keras import ops, tree


def array(x):
    """Return a tensor as an array, half precision as float32."""
    x = ops.cast(x, "float32") if "16" in str(x.dtype) else x
    return np.array(ops.convert_to_numpy(x))


def output(model, x):
    """Return a model's output in inference."""
    return array(model(x, training=False))


def weights(owner):
    """Return all weights of a layer or model."""
    return [array(w) for w in owner.weights]


def close(actual, expected, tolerance=1e-5, scale=1.0):
    """Assert that nests of arrays agree, to a relative and an absolute tolerance.

    The absolute tolerance is in units of `scale`.
    """

    def check(a, b):
        np.testing.assert_allclose(a, b, tolerance, tolerance * scale)

    if tree.is_nested(actual) and tree.is_nested(expected):
        tree.map_structure(check, actual, expected)
    else:
        check(actual, expected)


def far(a, b):
    """Return whether two arrays differ clearly."""
    return float(np.max(np.abs(a - b))) > 1e-3
