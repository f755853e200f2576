"""Baked networks compute the same and have the parameters of the twin."""

import keras
import numpy as np
import pytest
from banked import FAMILIES, MODELS, banks, dense, inputs_for, model_of, pair, tie
from compare import array, close, far, output, weights
from keras import layers

from keras_recur import inference
from keras_recur.analysis import bake, fold
from keras_recur.layers import (
    TemplateBank,
    TemplateConv1D,
    TemplateConv2D,
    TemplateDense,
)

TEMPLATED = (TemplateBank, TemplateConv1D, TemplateConv2D, TemplateDense)


def layers_in(model):
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from layers_in(layer)


@pytest.mark.parametrize("name", FAMILIES)
def test_bake_returns_feed_forward_twin(name):
    built = pair(name)
    model, x = built.recurrent, inputs_for(built.recurrent)
    before, expected = weights(model), output(model, x)
    assert far(expected, expected[:1])
    baked = bake(model)
    close(output(baked, x), expected)
    assert not banks(baked)
    shapes = [w.shape for w in baked.weights]
    assert shapes == [w.shape for w in built.feedforward.weights]
    for weight in baked.weights:
        weight.assign(array(weight) + 1)
    for old, now in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(old, now)


@pytest.mark.parametrize("name", ["1D", "2D", "nested"])
def test_bake_replaces_banks_in_graphs(name, tmp_path):
    model = MODELS[name]()
    x = inputs_for(model)
    expected = output(model, x)
    assert far(expected, expected[:1])
    baked = bake(model)
    assert not banks(baked)
    assert not any(isinstance(layer, TEMPLATED) for layer in layers_in(baked))
    close(output(baked, x), expected)
    baked.save(tmp_path / "baked.keras")
    plain = keras.models.load_model(tmp_path / "baked.keras")
    close(output(plain, x), expected)


def test_bake_splits_layer_called_twice():
    """Each copy has its own kernel and a unique name."""
    baked = bake(MODELS["1D"]())
    twice = [la for la in baked.layers if la.name.startswith("twice")]
    assert {la.name for la in twice} == {"twice", "twice_1", "twice_2"}
    assert all(type(la) is layers.Conv1D for la in twice)
    once, again = baked.get_layer("twice"), baked.get_layer("twice_2")
    np.testing.assert_array_equal(array(once.bias), array(again.bias))
    assert far(array(once.kernel), array(again.kernel))


def test_bake_makes_plain_keras_layers():
    found = [type(la).__name__ for la in bake(MODELS["2D"]()).layers]
    counts = {name: found.count(name) for name in set(found)}
    expected = {"Conv2D": 3 + 2, "DepthwiseConv2D": 2, "Dense": 2}
    assert counts.items() >= expected.items()
    found = [type(la).__name__ for la in bake(MODELS["1D"]()).layers]
    assert found.count("DepthwiseConv1D") == 2 and found.count("Conv1D") == 5


def test_bake_handles_folded_loops_and_other_iterations():
    model = pair(templates=3).recurrent
    (bank,) = banks(model).values()
    tie(bank, "ABAB", (1, -2, 1, 0.5))
    folded, x = fold(model, 1.0), inputs_for(model)
    close(output(bake(folded), x), output(model, x))
    shorter = output(inference.with_iterations(bake(folded), 3, readout="all"), x)
    close(shorter, output(inference.with_iterations(model, 3, readout="all"), x))


def test_bake_works_with_xla(jit):
    model = pair().recurrent
    baked, x = bake(model), inputs_for(model)
    baked.compile(jit_compile=jit)
    close(baked.predict(x, verbose=0), output(model, x))


def test_bake_works_in_mixed_precision():
    model = pair(dtype="mixed_bfloat16").recurrent
    baked, x = bake(model), inputs_for(model)
    assert baked.get_layer("recurrent").dtype_policy.name == "mixed_bfloat16"
    expected = output(model, x)
    close(output(baked, x), expected, 0.03 * np.abs(expected).max())


def test_bake_returns_uncompiled_model():
    model = dense()
    model.compile("adam", lambda y, y_pred: keras.ops.mean((y - y_pred) ** 2))
    x = inputs_for(model)
    model.train_on_batch(x, np.ones((3, 4)))
    baked = bake(model)
    assert not baked.compiled
    close(output(baked, x), output(model, x))


@pytest.mark.parametrize(
    "change",
    [lambda k: k * 2, layers.Identity(), lambda k: keras.ops.flip(k, 0)],
    ids=["doubled", "by a layer", "flipped"],
)
def test_bake_rejects_changed_kernel(change):
    def stack(x):
        kernel = TemplateBank(1, (4, 4), 1)(x)[0]
        return TemplateDense(4, name="hidden")(x, change(kernel))

    with pytest.raises(
        ValueError,
        match="kernel of 'hidden' must come straight from a TemplateBank.*Received",
    ):
        bake(model_of(stack))


def test_bake_rejects_model_without_bank():
    with pytest.raises(ValueError, match="has no template bank"):
        bake(bake(dense()))
