"""One row of statistics per iteration, selected by the loop."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import LOOPS, Nested, dense, model_of, normal, train
from keras import layers

from keras_recur.layers import SharedRecurrentBlock, TimeSpecificBatchNormalization

AFFINES = [None, "shared", "per_iteration"]
WRAPS = {
    "alone": lambda norm: norm,
    "sequential": lambda norm: keras.Sequential([norm]),
    "built sequential": lambda norm: keras.Sequential([keras.Input((4,)), norm]),
    "functional": lambda norm: model_of(dense(), norm),
    "functional in sequential": lambda norm: keras.Sequential([model_of(norm)]),
    "custom layer": lambda norm: keras.Sequential([Nested(norm)]),
}


def norms(layer):
    """Return the normalizations of every copy of a loop's block."""
    found = []
    for part in layer._flatten_layers():
        if isinstance(part, TimeSpecificBatchNormalization):
            found.append(part)
    return found


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(
    ("sharing", "rows"),
    [("all", [3]), ("none", [1, 1, 1]), ([0, 0, 1], [2, 1]), ([0, 1, 0], [2, 1])],
)
def test_normalization_has_a_row_per_iteration_of_its_copy(wrap, sharing, rows):
    block = WRAPS[wrap](TimeSpecificBatchNormalization(affine="per_iteration"))
    loop = SharedRecurrentBlock(block, 3, sharing=sharing)
    loop(normal(2, 4))
    for name in ("moving_mean", "moving_variance", "gamma", "beta"):
        shapes = [getattr(norm, name).shape for norm in norms(loop)]
        assert [tuple(s) for s in shapes] == [(n, 4) for n in rows]


@pytest.mark.parametrize(
    ("affine", "trainable"), [(None, 0), ("shared", 8), ("per_iteration", 24)]
)
def test_normalization_affine_determines_parameters(affine, trainable):
    norm = TimeSpecificBatchNormalization(affine=affine)
    SharedRecurrentBlock(norm, 3).build((None, 4))
    assert sum(np.prod(w.shape) for w in norm.trainable_weights) == trainable
    assert sum(np.prod(w.shape) for w in norm.non_trainable_weights) == 24


@pytest.mark.parametrize(
    ("shape", "axis"), [((4,), -1), ((5, 4), -1), ((4, 5), 1), ((3, 3, 4), 3)]
)
def test_normalization_equals_batch_normalization_outside_of_a_loop(shape, axis):
    arguments = {"axis": axis, "momentum": 0.8, "epsilon": 1e-2}
    kinds = TimeSpecificBatchNormalization, layers.BatchNormalization
    models = [model_of(kind(**arguments), shape=shape) for kind in kinds]
    actual, expected = (train(m, normal(8, *shape), epochs=3) for m in models)
    for key in ("loss", "predictions"):
        close(actual[key], expected[key], 1e-4)
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    for name in names:
        close(*[np.squeeze(array(getattr(m.layers[1], name))) for m in models], 1e-4)


def numpy_loop(x, kernel, norm, iterations, rows, training):
    """Compute the loop in NumPy: new statistics and the state after each iteration."""
    mean, variance = (array(v).copy() for v in (norm.moving_mean, norm.moving_variance))
    gamma, beta = (
        np.broadcast_to(array(v), (rows, x.shape[-1])) if v is not None else d
        for v, d in [(norm.gamma, np.ones((rows, 1))), (norm.beta, np.zeros((rows, 1)))]
    )
    states = []
    for t in range(iterations):
        row = min(t, rows - 1)
        x = x @ kernel
        if training:
            m, v = x.mean(0), x.var(0)
            mean[row] += (1 - norm.momentum) * (m - mean[row])
            variance[row] += (1 - norm.momentum) * (v - variance[row])
        else:
            m, v = mean[row], variance[row]
        x = (x - m) / np.sqrt(v + norm.epsilon) * gamma[row] + beta[row]
        states.append(x)
    return mean, variance, np.stack(states, axis=1)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", AFFINES)
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("iterations", "rows"), [(3, None), (2, None), (5, None), (3, 2)]
)
def test_normalization_rows_equal_those_by_hand(
    loop, affine, training, iterations, rows
):
    """This includes fewer and more iterations than trained, and a number of rows."""
    norm = TimeSpecificBatchNormalization(iterations=rows, affine=affine, momentum=0.7)
    linear = dense(activation="linear", use_bias=False)
    layer = SharedRecurrentBlock(keras.Sequential([linear, norm]), 3, **LOOPS[loop])
    x = normal(16, 4)
    layer.build(x.shape)
    for seed, weight in enumerate(norm.weights):
        weight.assign(np.abs(normal(*weight.shape, seed=seed)) + 0.5)
    mean, variance, states = numpy_loop(
        x, array(linear.kernel), norm, iterations, rows or 3, training
    )
    actual = layer(x, iterations=iterations, return_sequences=True, training=training)
    close(array(actual), states, 1e-4)
    close(array(norm.moving_mean), mean, 1e-4)
    close(array(norm.moving_variance), variance, 1e-4)


def test_normalization_inference_agrees_with_training(jit):
    norm = TimeSpecificBatchNormalization(momentum=0.0)
    block = keras.Sequential([dense(), norm])
    model = model_of(SharedRecurrentBlock(block, 4, return_sequences=True))
    x = normal(16, 4)
    train(model, x, jit=jit, rate=0.0)
    close(model.predict(x, verbose=0), array(model(x, training=True)), 1e-4)


def test_normalization_frozen_is_not_updated():
    norm = TimeSpecificBatchNormalization(trainable=False)
    model = model_of(SharedRecurrentBlock(keras.Sequential([dense(), norm]), 2))
    x = normal(16, 4)
    train(model, x)
    for weight, value in [(norm.moving_mean, 0), (norm.moving_variance, 1)]:
        close(array(weight), np.full((2, 4), value), 0)
    assert norm.trainable_weights == []
    close(array(model(x, training=True)), array(model(x, training=False)), 0)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16"])
def test_normalization_computes_half_precision_in_float32(policy):
    norm = TimeSpecificBatchNormalization(dtype=policy, momentum=0.0)
    x = normal(64, 4) * 300 + 1000  # Squares overflow float16.
    layer = SharedRecurrentBlock(norm, 1)
    out = layer(x, training=True)
    assert keras.backend.standardize_dtype(out.dtype) == norm.compute_dtype
    assert norm.moving_mean.dtype == norm.variable_dtype
    assert norm.moving_mean.dtype == "float32" or policy == "float16"
    close(array(out), (x - x.mean(0)) / x.std(0), 5e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"affine": "share"}, "affine='share'.*Did you mean 'shared'"),
        ({"affine": True}, "affine=True.*Allowed: None, 'shared', 'per_iteration'"),
        ({"iterations": 0}, "`iterations` must be a positive integer"),
        ({"iterations": 2.0}, "mean `iterations=2`"),
        ({"iterations": True}, "iterations=True"),
    ],
)
def test_normalization_refuses_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TimeSpecificBatchNormalization(**arguments)


def test_normalization_refuses_an_unknown_axis_size():
    with pytest.raises(ValueError, match="known size.*axis=1"):
        TimeSpecificBatchNormalization(axis=1)(keras.Input((None, 4)))


def test_normalization_keeps_weights_of_a_built_layer_in_every_row():
    norm = TimeSpecificBatchNormalization()
    block = model_of(norm)
    norm.moving_mean.assign(normal(1, 4))
    loop = SharedRecurrentBlock(block, 3)
    loop(normal(2, 4))
    close(array(norms(loop)[0].moving_mean), np.repeat(normal(1, 4), 3, axis=0), 0)
