"""Template banks in a graph: mixing, initial values, layers without kernels."""

import json
import re

import keras
import numpy as np
import pytest
from compare import array, close, weights
from harness import normal, train
from keras import layers, ops

from keras_recur.layers import (
    TemplateBank,
    TemplateConv1D,
    TemplateConv2D,
    TemplateDense,
)
from keras_recur.regularizers import RecurrenceRegularizer

BACKEND = keras.backend.backend()
EVERY_K = [1, 3, 5]  # below, at and above the three layers


def bank_of(k=2, shape=(4, 3), num_layers=3, **arguments):
    """Return a built bank."""
    bank = TemplateBank(k, shape, num_layers, **{"seed": 1, **arguments})
    bank.build()
    return bank


def mixed(bank):
    coefficients, templates = array(bank.coefficients), array(bank.templates)
    return np.tensordot(coefficients, templates, axes=1)


# Mixing


@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 4), (3, 1, 2, 4)])
@pytest.mark.parametrize("k", EVERY_K)
def test_bank_mixes_coefficients_times_templates(k, shape):
    bank = bank_of(k, shape)
    assert bank.count_params() == k * np.prod(shape) + 3 * k
    assert bank.templates.shape == (k, *shape)
    kernels = bank(normal(1, 1))
    assert len(kernels) == 3
    close([array(kernel) for kernel in kernels], list(mixed(bank)))
    close(array(bank.mix()), mixed(bank))
    close(array(bank.coefficient_matrix()), array(bank.coefficients), 0)


@pytest.mark.parametrize("k", EVERY_K)
def test_bank_gradients_equal_those_of_one_product(k, jit):
    """Derivatives of three layers with squared outputs, by hand."""
    x, rate = normal(8, 4), 0.5
    inputs = keras.Input((4,))
    bank = TemplateBank(k, (4, 3), 3)
    heads = [TemplateDense(3, use_bias=False)(inputs, w) for w in bank(inputs)]
    model = keras.Model(inputs, ops.stack(heads, axis=1))
    templates, coefficients = array(bank.templates), array(bank.coefficients)
    kernels = mixed(bank)
    outputs = np.einsum("bi,lio->blo", x, kernels)
    of_kernels = np.einsum("bi,blo->lio", x, 2 * (outputs - 1) / outputs.size)
    train(model, x, jit, rate=rate)
    of_templates = np.tensordot(coefficients.T, of_kernels, axes=1)
    of_coefficients = np.einsum("lio,kio->lk", of_kernels, templates)
    assert np.abs(of_templates).max() > 1e-2 and np.abs(of_coefficients).max() > 1e-2
    close((templates - array(bank.templates)) / rate, of_templates)
    close((coefficients - array(bank.coefficients)) / rate, of_coefficients)


FOLDED = {
    "a template each": ([0, 1, 0], 2, 2),
    "directions": ([0, 1, 0], 3, 2),
    "one for all": ((0, 0, 0), 1, 1),
    "numpy": (np.array([1, 0, 2]), 4, 3),
}


@pytest.mark.parametrize(
    ("labels", "k", "clusters"), FOLDED.values(), ids=FOLDED.keys()
)
def test_bank_folded_shares_kernels_up_to_scale(labels, k, clusters):
    bank = bank_of(k, labels=labels)
    assert (bank.clusters, bank.coefficients) == (clusters, None)
    bank.scales.assign([0.5, 2.0, -3.0])
    directions = np.eye(k) if bank.directions is None else array(bank.directions)
    assert len(directions) == clusters
    assert (bank.directions is None) == (k == clusters)
    kernels = np.tensordot(directions, array(bank.templates), axes=1)
    expected = array(bank.scales)[:, None, None] * kernels[np.array(labels)]
    close([array(kernel) for kernel in bank(normal(1, 1))], list(expected))
    close(
        np.tensordot(array(bank.coefficient_matrix()), array(bank.templates), 1),
        expected,
    )
    assert len(bank.undecayed) == len(bank.weights) - 1
    assert not any(v is bank.templates for v in bank.undecayed)


# Initial values


@pytest.mark.parametrize("k", [1, 2, 6, 9])
def test_bank_coefficients_start_orthogonal(k):
    found = array(bank_of(k, num_layers=6).coefficients)
    product = found.T @ found if k <= 6 else found @ found.T
    close(product, np.eye(len(product)))
    if k == 6:
        close(found @ found.T, np.eye(6))
    rows = array(
        bank_of(
            k, num_layers=6, coefficients_initializer="orthogonal_rows"
        ).coefficients
    )
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    close(rows, found / lengths)
    assert k >= 6 or lengths.min() < 0.9


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("identity", [[1, 0], [0, 1], [1, 0]]),
        ("ones", np.ones((3, 2))),
        (keras.initializers.Constant(0.25), np.full((3, 2), 0.25)),
        ("zeros", np.zeros((3, 2))),
    ],
    ids=["identity", "ones", "constant", "zeros"],
)
def test_bank_coefficients_start_by_name(start, expected):
    bank = bank_of(coefficients_initializer=start)
    close(array(bank.coefficients), np.array(expected), 0)


@pytest.mark.parametrize("k", [None, 3, 5])
def test_bank_identity_starts_with_one_template_per_layer(k):
    bank = bank_of(k, coefficients_initializer="identity")
    assert bank.num_templates == (k or 3)
    close(array(bank.coefficients), np.eye(3, k), 0)


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("shape", [(3, 3, 32, 16), (200, 30)])
def test_bank_templates_start_like_separate_kernels(k, seed, shape):
    fan_in = np.prod(shape[:-1])
    start = keras.initializers.HeNormal(seed=seed)
    templates = array(bank_of(k, shape, templates_initializer=start).templates)
    for template in templates:
        assert template.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.04)
    different = {template.tobytes() for template in templates}
    assert len(different) == k
    correlations = np.corrcoef(templates.reshape(k, -1)) - np.eye(k)
    assert np.abs(correlations).max() < 0.1


@pytest.mark.parametrize("seed", [None, 7])
def test_bank_seed_determines_initial_values(seed):
    def values(keras_seed, seed=seed):
        keras.utils.set_random_seed(keras_seed)
        return weights(bank_of(seed=seed, coefficients_initializer="random_normal"))

    close(values(1), values(1), 0)
    for one, other in zip(values(1), values(2), strict=True):
        assert np.array_equal(one, other) == (seed is not None)
    for one, other in zip(values(1, 7), values(1, 8), strict=True):
        assert not np.array_equal(one, other)


# Regularizers


def similarity(rows):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.abs(unit @ unit.T).sum()


def test_bank_regularizers_apply_once():
    bank = TemplateBank(
        2,
        (3, 4, 4),
        3,
        templates_regularizer=keras.regularizers.L2(0.5),
        coefficients_regularizer=RecurrenceRegularizer(0.1),
    )
    model = graph(bank)
    l2, recurrence = (float(array(loss)) for loss in model.losses)
    assert l2 == pytest.approx(0.5 * np.sum(array(bank.templates) ** 2))
    expected = -0.1 * similarity(array(bank.coefficients))
    assert -0.1 * 9 < expected < -0.1 * 3  # somewhere between alike and at right angles
    assert recurrence == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("strength", [0, 0.1])
def test_recurrence_regularizer_increases_similarity(strength):
    inputs = keras.Input((2,))
    penalty = RecurrenceRegularizer(strength)
    bank = TemplateBank(4, (2, 2), 5, coefficients_regularizer=penalty)
    kernels = bank(inputs)
    # The inputs are zeros, so only the penalty is learned.
    model = keras.Model(
        inputs, TemplateDense(2, use_bias=False)(0 * inputs, kernels[0])
    )
    before = normal(5, 4)
    bank.coefficients.assign(before)
    train(model, rate=1.0, epochs=30)
    after = array(bank.coefficients)
    if strength == 0:
        close(after, before, 0)
        return
    assert similarity(after) > similarity(before) + 4
    # Orthogonal layers and a layer of zeros have no gradient on any backend.
    bank.coefficients.assign(np.eye(5, 4))
    train(model, rate=1.0)
    close(array(bank.coefficients), np.eye(5, 4), 1e-6)


# Layers without weights: with one-hot coefficients they are Keras's own.

CONVOLUTIONS = {
    "valid": {"kernel_size": 3},
    "same": {"kernel_size": 3, "padding": "same"},
    "1, strides": {"kernel_size": 1, "strides": 2},
    "even, same": {"kernel_size": 2, "padding": "same", "activation": "tanh"},
    "strides": {"kernel_size": 3, "strides": 2, "use_bias": False},
    "strides, same": {"kernel_size": 5, "strides": 3, "padding": "same"},
    "dilation": {"kernel_size": 3, "dilation_rate": 2, "activation": "relu"},
    "dilation, same": {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
    "groups": {"kernel_size": 3, "groups": 2, "padding": "same"},
}
IN_TWO = {
    "oblong": {"kernel_size": (1, 4), "padding": "same"},
    "oblong strides": {"kernel_size": (3, 2), "strides": (1, 2)},
    "oblong dilation": {"kernel_size": (2, 3), "dilation_rate": (3, 1)},
}
IN_ONE = {
    "causal": {"kernel_size": 3, "padding": "causal"},
    "causal, dilation": {"kernel_size": 2, "padding": "causal", "dilation_rate": 3},
    "causal, strides": {"kernel_size": 3, "padding": "causal", "strides": 2},
}
DEPTHWISE = {
    "depthwise": {"kernel_size": 3},
    "depthwise, same": {"kernel_size": 5, "padding": "same", "use_bias": False},
    "depthwise, strides": {"kernel_size": 3, "strides": 2, "padding": "same"},
    "depthwise, dilation": {"kernel_size": 3, "dilation_rate": 2, "activation": "relu"},
    "depthwise, both": {"kernel_size": 3, "dilation_rate": 2, "strides": 2},
}
FIRST = {"kernel_size": 3, "data_format": "channels_first", "padding": "same"}
LIKE_KERAS = [
    *[(2, name, case) for name, case in {**CONVOLUTIONS, **IN_TWO}.items()],
    *[(1, name, case) for name, case in {**CONVOLUTIONS, **IN_ONE}.items()],
    *[(rank, name, case) for rank in (1, 2) for name, case in DEPTHWISE.items()],
    *[(rank, "channels first", FIRST) for rank in (1, 2)],
    (2, "depthwise, oblong strides", {"kernel_size": 3, "strides": (1, 2)}),
    *[(rank, "depthwise, channels first", FIRST) for rank in (1, 2)],
    (1, "causal, channels first", {**FIRST, "padding": "causal"}),
    (0, "dense", {}),
    (0, "dense", {"activation": "tanh", "use_bias": False}),
]


def twins_of(rank, name, options):
    """Return a Keras layer with six outputs, and the layer that takes its kernel."""
    depthwise = {"filters": 6, "depthwise": True}
    if rank == 0:
        return layers.Dense(6, **options), TemplateDense(6, **options)
    plain, ours = (
        (layers.Conv1D, TemplateConv1D),
        (layers.Conv2D, TemplateConv2D),
    )[rank - 1]
    if "depthwise" not in name:
        return plain(6, **options), ours(6, **options)
    plain = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)[rank - 1]
    return plain(depth_multiplier=3, **options), ours(**depthwise, **options)


@pytest.mark.parametrize(
    ("rank", "name", "options"),
    LIKE_KERAS,
    ids=[f"{rank}d-{name}" for rank, name, _ in LIKE_KERAS],
)
def test_template_layers_equal_plain_layers_with_one_hot_coefficients(
    rank, name, options
):
    plain, ours = twins_of(rank, name, options)
    channels, sizes = (2 if "depthwise" in name else 4), (9, 8)[:rank]

    def shape(*sizes):
        if options.get("data_format") == "channels_first":
            return (channels, *sizes)
        return (*sizes, channels)

    fixed, opened = keras.Input(shape(*sizes)), keras.Input(shape(*[None] * rank))
    expected = [plain(fixed).shape, plain(opened).shape]
    kernel, *bias = [normal(*w.shape) for w in plain.weights]
    bank = TemplateBank(2, kernel.shape, 2, None, "zeros", "identity")
    assert [ours(x, bank(x)[1]).shape for x in (fixed, opened)] == expected
    bank.templates.assign(np.stack([normal(*kernel.shape, seed=1), kernel]))
    ours.set_weights(bias)
    plain.set_weights([kernel, *bias])
    x = normal(3, *shape(*sizes))
    out = ours(x, bank(x)[1])
    close(array(out), array(plain(x)))
    assert tuple(out.shape)[1:] == expected[0][1:]


def test_template_dense_accepts_leading_axes():
    x, bank = normal(2, 3, 5, 4), bank_of()
    layer, kernel = TemplateDense(3), bank(normal(1, 1))[2]
    close(array(layer(x, kernel)), x @ array(kernel))
    assert layer(keras.KerasTensor((None, None, 4)), kernel).shape == (None, None, 3)


# A graph of one's own


def graph(bank, dtype=None):
    """Return a model with one convolution per kernel and normalization in between."""
    inputs = x = keras.Input((6, 4))
    for kernel in bank(inputs):
        x = TemplateConv1D(4, 3, padding="same", dtype=dtype)(x, kernel)
        x = layers.BatchNormalization(dtype=dtype)(x)
        x = layers.Activation("tanh", dtype=dtype)(x)
    return keras.Model(inputs, x)


BANKS = {
    "regularized": {
        "num_templates": 3,
        "templates_regularizer": "l2",
        "coefficients_regularizer": RecurrenceRegularizer(0.01),
    },
    "folded": {"num_templates": 2, "labels": [0, 1, 0], "seed": 3},
    "folded, directions": {"num_templates": 3, "labels": np.array([0, 1, 1])},
}
COMPILED = [(name, "auto") for name in BANKS]
if BACKEND == "tensorflow":  # XLA takes long.
    COMPILED.append(("regularized", True))


@pytest.mark.parametrize(("name", "jit"), COMPILED)
def test_bank_in_a_model_trains_and_loads_as_one(name, jit, tmp_path):
    bank = TemplateBank(**BANKS[name], kernel_shape=(3, 4, 4), num_layers=3)
    model = graph(bank)
    others = 3 * (4 + 4 * 4)  # biases and normalization
    assert model.count_params() == bank.count_params() + others
    for seed, weight in enumerate(model.weights):  # Nothing is as it started.
        weight.assign(0.1 + np.abs(normal(*weight.shape, seed=seed)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    x = normal(5, 6, 4)
    for copy in (loaded, clone):
        assert len([la for la in copy.layers if isinstance(la, TemplateBank)]) == 1
        assert copy.count_params() == model.count_params()
        assert len(copy.losses) == len(model.losses)
        close(array(copy(x)), array(model(x)), 1e-6)
    result = train(model, x, jit, epochs=3)
    assert result["loss"][-1] < result["loss"][0]
    close(train(loaded, x, jit, epochs=3), result)  # Still one bank for all.


def test_template_layers_support_half_precision():
    """A bank in a graph mixes in the compute dtype; its weights keep their dtype."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    bank = TemplateBank(2, (3, 4, 4), 3, coefficients_initializer="orthogonal_rows")
    half = graph(bank)
    keras.config.set_dtype_policy("float32")
    full = graph(TemplateBank(2, (3, 4, 4), 3))
    full.set_weights(half.get_weights())
    assert half.output.dtype == "bfloat16"
    assert {w.dtype for w in half.weights} == {"float32"}
    for kernel in [*bank(normal(1, 1)), *bank(keras.Input((1,)))]:
        assert keras.backend.standardize_dtype(kernel.dtype) == "bfloat16"
    results = [train(model, normal(8, 6, 4)) for model in (half, full)]
    close(*results, 5e-2)
    assert not np.array_equal(results[0]["predictions"], results[1]["predictions"])


CONFIGURED = [
    TemplateConv1D(4, 3, padding="causal", dilation_rate=2, name="one"),
    TemplateConv2D(4, (3, 1), 2, "same", "channels_first", groups=2, activation="relu"),
    TemplateConv2D(8, 3, depthwise=True, use_bias=False, dtype="mixed_bfloat16"),
    TemplateDense(3, activation="tanh", bias_initializer="ones"),
    TemplateDense(3, bias_regularizer=keras.regularizers.L2(0.5)),
    RecurrenceRegularizer(0.5),
]


@pytest.mark.parametrize("layer", CONFIGURED, ids=lambda layer: type(layer).__name__)
def test_template_layers_survive_json(layer):
    config = json.dumps(keras.saving.serialize_keras_object(layer))
    again = keras.saving.deserialize_keras_object(json.loads(config))
    assert type(again) is type(layer) and again is not layer
    assert json.dumps(keras.saving.serialize_keras_object(again)) == config


# Bad input

SIZES = {"num_templates": 2, "kernel_shape": (4, 3), "num_layers": 3}
POSITIVE = "must be a positive integer"
BAD_BANKS = [
    ({"num_templates": 0}, f"`num_templates` {POSITIVE}, 1 or more.*num_templates=0"),
    ({"num_templates": -1}, "Received: num_templates=-1"),
    ({"num_templates": 2.0}, "num_templates=2.0 .of type float.*mean `num_templates=2"),
    ({"num_templates": "2"}, "num_templates='2' .of type str"),
    ({"num_templates": True}, "num_templates=True .of type bool"),
    ({"num_layers": 0}, f"`num_layers` {POSITIVE}, 1 or more"),
    ({"num_layers": 1.5}, "num_layers=1.5 .of type float"),
    ({"kernel_shape": (4,)}, r"two or more positive integers.*kernel_shape=\(4,\)"),
    ({"kernel_shape": (4, 0)}, "two or more positive integers"),
    ({"kernel_shape": (None, 4)}, r"Received: kernel_shape=\(None, 4\)"),
    ({"kernel_shape": 3}, "Received: kernel_shape=3"),
    ({"labels": [0, 1]}, r"each of the `num_layers` layers.*\[0, 1\] for num_layers=3"),
    ({"labels": [0, 1, 0, 1]}, "for num_layers=3"),
    ({"labels": [0], "num_layers": None}, r"labels=\[0\] for num_layers=None"),
    ({"labels": [0, 2, 0]}, r"every integer from 0 .*Received: labels=\[0, 2, 0\]"),
    ({"labels": [1, 1, 1]}, "every integer from 0"),
    ({"labels": [0, -1, 0]}, "every integer from 0"),
    ({"coefficients_initializer": "ortogonal"}, "mean 'orthogonal'"),
    ({"coefficients_initializer": "orthogonal_row"}, "mean 'orthogonal_rows'"),
    ({"coefficients_initializer": "idenity"}, "Received: 'idenity'.*mean 'identity'"),
    ({"coefficients_initializer": "xyz"}, "Allowed: 'orthogonal', .*a Keras init"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_BANKS)
def test_bank_refuses_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TemplateBank(**{**SIZES, **arguments})


@pytest.mark.parametrize("missing", ["kernel_shape", "num_layers"])
def test_bank_refuses_a_call_without_sizes(missing):
    bank = TemplateBank(**{**SIZES, missing: None})
    for x in (normal(2, 4), keras.Input((4,))):
        with pytest.raises(ValueError, match=f"no layer cannot.*{missing}=None.*shari"):
            bank(x)


@pytest.mark.parametrize("strength", [-0.1, np.nan, np.inf, -np.inf, "0.1", True, None])
def test_recurrence_regularizer_refuses_invalid_strengths(strength):
    with pytest.raises(
        ValueError,
        match=f"`strength`.*0 or more. Received: strength={re.escape(repr(strength))}",
    ):
        RecurrenceRegularizer(strength)


BAD_LAYERS = [
    (lambda: TemplateDense(0), f"`units` {POSITIVE}"),
    (lambda: TemplateConv2D(4.0, 3), "mean `filters=4`"),
    (lambda: TemplateConv2D(4, 0), f"`kernel_size` {POSITIVE}"),
    (lambda: TemplateConv2D(4, (3, 3, 3)), "`kernel_size` must be an integer or 2"),
    (lambda: TemplateConv1D(4, (3, 3)), "`kernel_size` must be an integer or 1"),
    (lambda: TemplateConv2D(4, 3, strides=(1, 0)), f"`strides` {POSITIVE}"),
    (lambda: TemplateConv2D(4, 3, padding="causal"), "Allowed: 'valid', 'same'"),
    (lambda: TemplateConv1D(4, 3, padding="casual"), "Did you mean 'causal'"),
    (lambda: TemplateConv2D(4, 3, data_format="channel_last"), "mean 'channels_last'"),
    (lambda: TemplateConv2D(4, 3, groups=0), f"`groups` {POSITIVE}"),
    (
        lambda: TemplateConv2D(4, 3, groups=2, depthwise=True),
        "cannot have groups.*groups=2",
    ),
    (lambda: TemplateConv1D(4, 3, 2, dilation_rate=3), "strides=2, dilation_rate=3"),
]


@pytest.mark.parametrize(("make", "message"), BAD_LAYERS)
def test_template_layers_refuse_invalid_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


IMAGE, ROWS = (2, 6, 6, 4), (2, 4)
WANTED = r"needs a kernel of shape {}.*Received: a kernel of shape {}.*Use a bank with"
BAD_KERNELS = [
    (lambda: TemplateDense(3), ROWS, (4, 4), WANTED.format(r"\(4, 3\)", r"\(4, 4\)")),
    (lambda: TemplateDense(3), ROWS, (3, 4), WANTED.format(r"\(4, 3\)", r"\(3, 4\)")),
    (lambda: TemplateDense(4), (2, 1, 4), (1, 4, 4), r"\(1, 4, 4\)"),
    (lambda: TemplateConv2D(4, 3), IMAGE, (1, 1, 4, 4), r"shape \(3, 3, 4, 4\)"),
    (lambda: TemplateConv2D(4, 3), IMAGE, (3, 3, 2, 4), r"shape \(3, 3, 4, 4\)"),
    (
        lambda: TemplateConv2D(4, 3, groups=2),
        IMAGE,
        (3, 3, 4, 4),
        r"shape \(3, 3, 2, 4\)",
    ),
    (
        lambda: TemplateConv2D(8, 3, depthwise=True),
        IMAGE,
        (3, 3, 4, 8),
        r"shape \(3, 3, 4, 2\)",
    ),
    (
        lambda: TemplateConv2D(6, 3, depthwise=True),
        IMAGE,
        (3, 3, 4, 1),
        "multiples of the 4 input channels.*filters=6",
    ),
    (
        lambda: TemplateConv2D(4, 3, groups=3),
        IMAGE,
        (3, 3, 4, 4),
        "multiples of the 3 groups",
    ),
    (lambda: TemplateConv1D(4, 3), (2, 6, 4), (3, 4, 5), r"shape \(3, 4, 4\)"),
]


@pytest.mark.parametrize(("make", "shape", "kernel", "message"), BAD_KERNELS)
def test_template_layers_refuse_kernels_of_another_shape(make, shape, kernel, message):
    for x in (normal(*shape), keras.KerasTensor(shape)):
        layer, kernels = make(), bank_of(1, kernel, 1, templates_initializer="zeros")(x)
        with pytest.raises(ValueError, match=f"{layer.name}'.*{message}"):
            layer(x, kernels[0])


def test_template_layers_refuse_another_kernel_after_build():
    layer, kernels = TemplateDense(3), bank_of()(normal(1, 1))
    layer(normal(2, 4), kernels[0])
    for x in (normal(2, 4), keras.KerasTensor((2, 4))):
        with pytest.raises(ValueError, match=r"shape \(4, 3\)"):
            layer(x, bank_of(1, (4, 1), 1)(x)[0])


@pytest.mark.parametrize("shape", [(None, 2, 4), (None, 6, 2, 4)])
def test_template_conv_refuses_inputs_smaller_than_the_kernel(shape):
    rank = len(shape) - 2
    layer = (TemplateConv1D, TemplateConv2D)[rank - 1](4, 3, name="conv")
    x = keras.KerasTensor(shape)
    with pytest.raises(ValueError, match="smaller than the kernel of 'conv'.*'same'"):
        layer(x, bank_of(1, (*[3] * rank, 4, 4), 1)(x)[0])


@pytest.mark.parametrize(
    "layer", [TemplateDense(3), TemplateConv1D(3, 1), TemplateConv2D(3, 1)]
)
def test_template_layers_refuse_calls_without_a_kernel(layer):
    for x in (normal(2, 6, 6, 4), keras.Input((6, 6, 4))):
        with pytest.raises(
            ValueError, match=f"{layer.name}.*without its kernel.*for k"
        ):
            layer(x)
