"""Analysis of nested models and of models with several inputs."""

import copy

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis, data, inference, zoo
from keras_recur.layers import Readout, SharedRecurrentBlock

RNG = np.random.default_rng(0)


def nested(model, name="outer"):
    """Return the model nested after an identity layer."""
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, model(layers.Rescaling(1.0)(inputs)), name=name)


def recurrent(**arguments):
    return zoo.build(
        "deep_thinking_1d", width=4, iterations=3, seed=0, **arguments
    ).recurrent


def strings():
    return data.load("prefix_sums", "test", 10, size=8, num_examples=20)


def mlp(**arguments):
    shape = (4, 4, 1)
    return zoo.build("mlp", input_shape=shape, width=6, iterations=3, **arguments)


def vectors():
    return RNG.normal(size=(20, 4, 4, 1)).astype("float32"), np.arange(20) % 10


def test_iteration_curve_scores_nested_model():
    inner, test = recurrent(), strings()
    outer = nested(inner)
    for iterations in (None, 5):
        np.testing.assert_array_equal(
            analysis.iteration_curve(outer, test, iterations),
            analysis.iteration_curve(inner, test, iterations),
        )
    own, found = (
        analysis.iteration_metrics(m, (test.x, test.y)) for m in (inner, outer)
    )
    np.testing.assert_array_equal(own.agreement, found.agreement)
    np.testing.assert_array_equal(own.macs, found.macs)


def test_early_exit_rejects_nested_loop():
    with pytest.raises(ValueError, match="Readout|within another model"):
        analysis.select_stop_rule(nested(recurrent()), "agreement", strings())


@pytest.mark.once
def test_costs_count_nested_model():
    inner = recurrent()
    own, found = (zoo.costs(m, (8, 1)) for m in (inner, nested(inner)))
    assert (own.macs, own.synapses, own.effective_depth) == (
        found.macs,
        found.synapses,
        found.effective_depth,
    )


@pytest.mark.once
def test_analysis_finds_banks_of_nested_model():
    inner = mlp(templates=2).recurrent
    outer, (x, _) = nested(inner), vectors()
    expected = inner.predict_on_batch(x)
    (name,) = analysis.layer_similarity(outer)
    assert name == f"{inner.name}/{next(iter(analysis.layer_similarity(inner)))}"
    for changed in (analysis.bake(outer), analysis.fold(outer, 1.0)):
        np.testing.assert_allclose(changed.predict_on_batch(x), expected, atol=1e-5)
    twin = mlp().feedforward
    converted = analysis.convert_to_template_bank(nested(twin), 3).model
    np.testing.assert_allclose(
        converted.predict_on_batch(x), twin.predict_on_batch(x), atol=1e-4
    )


@pytest.mark.once
def test_analysis_rejects_banks_inside_other_layers():
    loop = mlp(templates=2).recurrent.get_layer("recurrent")

    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.loop = loop

        def call(self, x):
            return self.loop(x)

    inputs = keras.Input((6,))
    model = keras.Model(inputs, Holder()(inputs))
    with pytest.raises(ValueError, match="banks inside of other layers"):
        analysis.layer_similarity(model)


def test_update_batch_norm_covers_nested_model():
    inner = zoo.build(
        "frnn", input_shape=(8, 8, 1), width=2, states=2, seed=0
    ).recurrent
    x = RNG.normal(2.0, 1.0, (16, 8, 8, 1)).astype("float32")
    outer = nested(inner)
    analysis.update_batch_norm(outer, [(x, None)])
    found = inner.predict_on_batch(x)
    again = zoo.build("frnn", input_shape=(8, 8, 1), width=2, states=2, seed=0)
    analysis.update_batch_norm(again.recurrent, x)
    expected = again.recurrent.predict_on_batch(x)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.once
def test_plot_pair_draws_nested_loop_as_iterations():
    pair = mlp()
    drawn = copy.copy(pair)
    drawn.recurrent, drawn.feedforward = (
        nested(pair.recurrent),
        nested(pair.feedforward),
    )
    alone, within = (
        [text.get_text() for text in analysis.plot_pair(p).findobj(is_text)]
        for p in (pair, drawn)
    )
    assert sum("iteration" in t for t in within) == sum("iteration" in t for t in alone)


def is_text(artist):
    return type(artist).__name__ in ("Text", "Annotation")


def two_inputs(kind):
    """Return a loop with a second, injected input, as a list or a dictionary."""
    state, shown = keras.Input((4,), name="b"), keras.Input((4,), name="a")
    block = keras.Sequential([layers.Dense(4, activation="tanh")])
    x = SharedRecurrentBlock(block, 3, injection="add")(state, shown)
    inputs = [state, shown] if kind is list else {"b": state, "a": shown}
    return keras.Model(inputs, Readout(layers.Dense(3))(x))


@pytest.mark.parametrize("kind", [list, dict])
def test_iteration_curve_scores_model_with_several_inputs(kind):
    model = two_inputs(kind)
    state, shown = RNG.normal(size=(2, 12, 4)).astype("float32")
    x = [state, shown] if kind is list else {"b": state, "a": shown}
    y = np.arange(12) % 3
    batches = [(x, y)]
    metrics = analysis.iteration_metrics(model, batches, 5)
    np.testing.assert_array_equal(
        metrics.accuracy, analysis.iteration_curve(model, batches, 5)
    )
    right = model.predict_on_batch(x).argmax(-1) == y
    assert metrics.accuracy[2] == right.mean()
    assert metrics.macs.tolist() == [4 * 4 * t + 4 * 3 for t in range(1, 6)]
    found = analysis.select_stop_rule(model, "agreement", batches)
    assert found.fixed_accuracy == right.mean()
    exits = analysis.exit_metrics(
        inference.EarlyExitPredictor(model, "agreement"), batches
    )
    assert exits.fixed_accuracy == right.mean()
    tuples = [(tuple(x), y)] if kind is list else batches
    np.testing.assert_array_equal(
        analysis.iteration_curve(model, tuples, 5), metrics.accuracy
    )


@pytest.mark.once
def test_costs_count_several_inputs():
    model = two_inputs(list)
    costs = zoo.costs(model)
    assert costs.macs == 3 * 16 + 12 and costs.effective_depth == 4
    assert costs == zoo.costs(model, [(4,), (4,)])
    assert costs == zoo.costs(two_inputs(dict), {"a": (4,), "b": (4,)})
    for wrong in ((4,), [(4,)], [(4,), (4, 1)], "4", 4, [(4,), (-4,)]):
        with pytest.raises(ValueError, match="`input_shape`"):
            zoo.costs(model, wrong)


@pytest.mark.once
def test_costs_count_all_applications_of_nested_loops():
    def model(iterations):
        inner = SharedRecurrentBlock(keras.Sequential([layers.Dense(4)]), 2)
        inputs = keras.Input((4,))
        block = keras.Model(inputs, inner(inputs))
        return keras.Model(inputs, SharedRecurrentBlock(block, iterations)(inputs))

    once, thrice = zoo.costs(model(1)), zoo.costs(model(3))
    assert (once.macs, thrice.macs) == (2 * 16, 6 * 16)
    assert once.synapses == thrice.synapses == 16
    assert thrice.effective_depth == 6


@pytest.mark.once
def test_costs_count_weights_of_reused_layer_once():
    a, b = keras.Input((4,)), keras.Input((4,))
    dense = layers.Dense(2)
    costs = zoo.costs(keras.Model([a, b], layers.Add()([dense(a), dense(b)])))
    assert (costs.macs, costs.synapses, costs.neurons) == (16, 8, 2)


@pytest.mark.once
def test_analysis_rejects_several_outputs():
    model = two_inputs(list)
    both = keras.Model(model.inputs, [model.output, layers.Dense(2)(model.output)])
    batches = [([np.zeros((2, 4))] * 2, np.zeros(2, int))]
    for score in (
        analysis.iteration_curve,
        analysis.iteration_metrics,
        lambda m, d: analysis.select_stop_rule(m, "agreement", d),
    ):
        with pytest.raises(ValueError, match="must have one output"):
            score(both, batches)


@pytest.mark.once
def test_iteration_curve_rejects_nested_loop_without_readout():
    class Mean(layers.Layer):
        def call(self, x):
            return keras.ops.mean(x, axis=1)

    block = keras.Sequential([layers.Dense(4)])
    inner = keras.Sequential([keras.Input((5, 4)), SharedRecurrentBlock(block, 3)])
    inputs = keras.Input((5, 4))
    model = keras.Model(inputs, Mean()(inner(inputs)))
    with pytest.raises(ValueError, match="Readout"):
        analysis.iteration_curve(model, [(np.zeros((2, 5, 4)), np.zeros(2, int))])
