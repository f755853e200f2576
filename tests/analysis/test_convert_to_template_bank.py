"""Conversion of trained networks, compared with NumPy's singular values."""

import keras
import numpy as np
import pytest
from banked import banks, filled, inputs_for, kernels, model_of, pair, tanh
from compare import array, close, far, output, weights
from keras import layers

from keras_recur.analysis import convert_to_template_bank, fold
from keras_recur.layers import SharedRecurrentBlock, TemplateBank


def convolutions(x):
    """Return a model whose kernels have several shapes, most of them repeated."""
    for t, options in enumerate(({}, {"strides": 2}, {"dilation_rate": 2})):
        x = layers.Conv2D(4, 3, padding="same", activation="tanh", **options)(x)
        x = layers.DepthwiseConv2D(3, (1, 1 + t // 2), "valid", 2, use_bias=t > 0)(x)
        x = layers.Conv2D(4, 1, name=f"down{t}")(x) if t < 2 else x
    x = layers.Conv2D(8, (3, 1), groups=2, name="alone")(x)
    x = layers.Dense(5, activation="relu")(layers.Flatten()(x)[:, :5])
    x = layers.BatchNormalization()(x)
    return layers.Dense(5)(x)


def in_one_dimension():
    return [
        layers.Conv1D(4, 3, padding="causal"),
        layers.DepthwiseConv1D(2),
        layers.Conv1D(4, 3, 2, padding="same", use_bias=False),
        layers.DepthwiseConv1D(2, strides=2, activation="tanh"),
        layers.Conv1D(4, 3, dilation_rate=2),
        layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1)),
        layers.Dense(3),
        layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1)),
    ]


def twice(x):
    same = layers.Dense(4, activation="tanh")
    return same(tanh()(same(x)))


def untied(**options):
    return SharedRecurrentBlock(tanh(), 3, "none", **options)


def nested():
    inner = keras.Sequential([keras.Input((4,)), untied(name="loop")], name="inner")
    return keras.Sequential([keras.Input((4,)), inner, untied(name="loop")])


def nested_layers(x):
    """Return two graphs of plain layers; one is called twice, one layer is in both."""
    both = tanh()
    inner = model_of(tanh(), both, tanh())
    named = keras.Model(inner.input, inner.output, name="inner")
    return named(tanh()(named(both(x))))


PLAIN = {
    "2D": lambda: model_of(convolutions, shape=(22, 22, 4)),
    "1D": lambda: keras.Sequential([keras.Input((30, 4)), *in_one_dimension()]),
    "called twice": lambda: model_of(twice),
    "nested": nested,
    "nested layers": lambda: model_of(nested_layers),
}
BANKS = {
    "2D": {
        "bank_3x3x4x4": 3,
        "depthwise_bank_3x3x4x2": 3,
        "bank_1x1x8x4": 2,
        "bank_5x5": 2,
    },
    "1D": {"bank_3x4x4": 3, "depthwise_bank_2x4x1": 2, "bank_3x3": 2},
    "called twice": {"bank_4x4": 2},
    "nested": {"inner/loop/bank_4x4": 3, "loop/bank_4x4": 3},
    "nested layers": {"bank_4x4": 2, "inner/bank_4x4": 3},
}


@pytest.mark.parametrize("name", PLAIN)
def test_conversion_with_template_per_layer_is_exact(name):
    model = filled(PLAIN[name]())
    before, x = weights(model), inputs_for(model)
    expected = output(model, x)
    assert far(expected, expected[:1])
    converted, errors = convert_to_template_bank(model, 3)
    close(output(converted, x), expected)
    found = {key: bank.num_layers for key, bank in banks(converted).items()}
    assert found == BANKS[name]
    assert set(errors) == set(found)
    assert max(errors.values()) < 1e-6
    for weight in converted.weights:
        weight.assign(array(weight) + 1)
    for old, now in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(old, now)


@pytest.mark.parametrize("name", ["deep_thinking_1d", "scnn"])
def test_conversion_turns_feed_forward_twin_into_recurrent_model(name):
    built = pair(name)
    twin, x = built.feedforward, inputs_for(built.feedforward)
    expected = output(twin, x)
    exact, errors = convert_to_template_bank(twin, 12)  # At least as many as layers.
    close(output(exact, x), expected)
    assert max(errors.values()) < 1e-6
    # Equal to the recurrent twin, without banks for layers outside of loops.
    smaller, errors = convert_to_template_bank(twin, 2)
    found = {key: bank.num_layers for key, bank in banks(smaller).items()}
    inside = {key: bank.num_layers for key, bank in banks(built.recurrent).items()}
    assert inside.items() <= found.items() and set(errors) == set(found)


def stacked(model, name):
    """Return the flat kernels of one shape."""
    shape = tuple(map(int, name.rpartition("_")[2].split("x")))
    found = [w for w in model.trainable_weights if w.name == "kernel"]
    found = [array(w) for w in found if tuple(w.shape) == shape]
    return np.stack(found).reshape(len(found), -1).astype("float64")


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("name", ["2D", "1D", "scnn"])
def test_conversion_error_is_tail_of_singular_values(name, k):
    model = filled(PLAIN[name]()) if name in PLAIN else pair(name).feedforward
    converted, errors = convert_to_template_bank(model, k)
    assert any(error > 0.1 for error in errors.values())
    for key, bank in banks(converted).items():
        rows = stacked(model, key)
        values = np.linalg.svd(rows, compute_uv=False)
        expected = np.sqrt(np.sum(values[k:] ** 2) / np.sum(values**2))
        close(errors[key], expected)
        # The measured error is the reported one.
        lost = np.linalg.norm(kernels(bank) - rows) / np.linalg.norm(rows)
        close(lost, expected)


def test_converted_model_trains_and_reloads(tmp_path):
    model = filled(PLAIN["1D"]())
    converted = convert_to_template_bank(model, 2).model
    x = inputs_for(model)
    y = np.ones(model.compute_output_shape(x.shape))
    bank = banks(converted)["bank_3x4x4"]
    before = weights(bank)
    converted.compile(keras.optimizers.Adam(0.01), "mse")
    losses = converted.fit(x, y, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert all(far(now, old) for now, old in zip(weights(bank), before, strict=True))
    converted.save(tmp_path / "converted.keras")
    again = keras.models.load_model(tmp_path / "converted.keras")
    close(output(again, x), output(converted, x))
    assert list(banks(again)) == list(banks(converted))


def test_converted_nested_models_have_different_paths():
    """On PyTorch, Keras zeroes gradients by path, so paths must differ."""
    converted = convert_to_template_bank(model_of(nested_layers), 2).model
    for model in (converted, fold(converted, 1.0)):
        paths = [w.path for w in model.weights]
        assert "inner/bank_4x4/templates" in paths
        assert len(set(paths)) == len(paths)


def test_conversion_moves_regularizers_to_templates():
    converted = convert_to_template_bank(
        keras.Sequential([keras.Input((3,)), *in_one_dimension()[5:]]), 2
    )
    (bank,) = banks(converted.model).values()
    assert bank.templates_regularizer.l2 == np.float32(0.1)
    close(
        sum(array(loss) for loss in converted.model.losses),
        0.1 * np.sum(array(bank.templates) ** 2),
    )


BAD = {
    "no two alike": (
        lambda: keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(4)]),
        2,
        "two kernels of one shape.*'sequential",
    ),
    "other kinds": (
        lambda: model_of(
            layers.Conv2D(4, 3), layers.DepthwiseConv2D(3), shape=(9, 9, 3)
        ),
        2,
        "two kernels of one shape",
    ),
    "shared already": (
        lambda: model_of(SharedRecurrentBlock(tanh(), 3, TemplateBank(2))),
        2,
        "two kernels of one shape",
    ),
    "k of 0": (lambda: model_of(tanh(), tanh()), 0, "`num_templates`.*positive.*0"),
    "k of 1.5": (lambda: model_of(tanh(), tanh()), 1.5, "`num_templates`.*1.5"),
    "no model": (lambda: None, 2, "must be a Keras model. Received: model=None"),
}


@pytest.mark.parametrize("case", BAD)
def test_conversion_rejects_bad_arguments(case):
    model, k, message = BAD[case]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        convert_to_template_bank(model(), k)
