"""A model taken apart and run iteration by iteration, against the whole."""

import keras
import numpy as np
import pytest
from compare import array, far, output
from families import inputs_for, small, twins

from keras_recur import inference
from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.layers._random import seed_scope

PATCHES = {"injection": "concat", "update": "leaky", "patch": 2}
CASES = {
    "recurrent": ("deep_thinking_1d", {"injection": "concat"}),
    "groups": ("deep_thinking_1d", {"injection": "add", "sharing": [0, 1, 0]}),
    "rows of statistics": ("resnet_bn", {}),
    "several loops": ("swrn", {}),
    "several states": ("feedback", {}),
    "bank": ("deep_thinking_1d", {"injection": "concat", "templates": 2}),
    "patches": ("deep_thinking_2d", PATCHES),
    "rolled": ("deep_thinking_1d", {"unroll": False}),
    "bfloat16": ("deep_thinking_1d", {"dtype": "mixed_bfloat16"}),
}


@twins
@pytest.mark.parametrize("case", CASES)
def test_every_iteration_is_that_of_the_whole_run(case, twin):
    name, arguments = CASES[case]
    model = getattr(small(name, readout="all", **arguments), twin)
    x = inputs_for(model)
    expected = output(model, x)
    assert np.ptp(expected, axis=1).max() > 1e-3
    steps = inference.Stepwise(model)
    assert steps.iterations == expected.shape[1]
    endless = twin == "recurrent" and case not in ("groups", "bank")
    assert steps.max_iterations == (None if endless else expected.shape[1])
    tolerance = 2e-2 if case == "bfloat16" else 1e-4
    carried = steps.start(x)
    for t in range(steps.iterations):
        carried = steps.advance(carried, t)
        np.testing.assert_allclose(
            array(steps.read(carried)), expected[:, t], tolerance, tolerance
        )
    again = steps.advance(steps.start(x[:1]), 0, iterations=2)
    found = array(steps.read(again))
    np.testing.assert_allclose(found, expected[:1, 1], tolerance, tolerance)


def test_it_follows_training():
    model = small("deep_thinking_1d").recurrent
    x = inputs_for(model)
    steps = inference.Stepwise(model)
    before = array(steps.read(steps.advance(steps.start(x), 0, 3)))
    model.set_weights([0.5 * array(w) for w in model.weights])
    after = array(steps.read(steps.advance(steps.start(x), 0, 3)))
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, output(model, x), 1e-4, 1e-5)


def test_one_program_serves_all_iterations_where_weights_are_shared():
    pair = small("deep_thinking_1d", injection="concat")
    x = inputs_for(pair.recurrent)
    for model, programs in ((pair.recurrent, 3), (pair.feedforward, 5)):
        steps = inference.Stepwise(model)
        carried = steps.start(x)
        for t in range(steps.max_iterations or 50):
            carried = steps.advance(carried, t)
        steps.read(carried)
        assert len(steps._programs) == programs


def test_a_loop_that_is_called_twice_is_not_read_out_at_every_iteration():
    inputs = keras.Input((4,))
    loop = SharedRecurrentBlock(keras.layers.Dense(4, activation="tanh"), 3)
    model = keras.Model(inputs, Readout(keras.layers.Dense(2))(loop(loop(inputs))))
    x = np.ones((2, 4), "float32")
    steps = inference.Stepwise(model)
    found = steps.read(steps.advance(steps.start(x), 0, 3))
    np.testing.assert_allclose(array(found), array(model(x)), 1e-5, 1e-6)
    with pytest.raises(ValueError, match="a last loop that is called once"):
        inference.with_iterations(model, readout="all")


def test_models_that_cannot_be_taken_apart():
    with pytest.raises(ValueError, match="SharedRecurrentBlock as its last loop.*no l"):
        inference.Stepwise(keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]))
    with pytest.raises(ValueError, match="with a RecurrentGraph.*with_iterations"):
        inference.Stepwise(small("frnn").recurrent)
    x = keras.Input((4,))
    loop = SharedRecurrentBlock(keras.layers.Dense(4), 2)(x)
    both = keras.layers.Add()([loop, x])
    model = keras.Model(x, Readout(keras.layers.Dense(2))(both))
    with pytest.raises(ValueError, match="may read its state only.*by `injection`"):
        inference.Stepwise(model)
    loop = SharedRecurrentBlock(keras.layers.Dense(4), 4)
    middle = keras.layers.LayerNormalization()(loop(x, iterations=2))
    model = keras.Model(x, Readout(keras.layers.Dense(2))(loop(middle, start=2)))
    with pytest.raises(ValueError, match="starts at iteration 0.*start=2.*own loop"):
        inference.Stepwise(model)
    steps = inference.Stepwise(small("mlp").recurrent)
    carried = steps.start(np.zeros((1, 3, 3, 1), "float32"))
    with pytest.raises(ValueError, match="`number` must be.*Received: number=-1"):
        steps.advance(carried, -1)


RANDOM = {
    "injection": "concat",
    "initial_state": "normal",
    "state_noise": 0.1,
    "damping": 0.1,
}


@twins
def test_random_starts_and_noise_follow_from_the_seed(twin):
    model = getattr(small("deep_thinking_1d", readout="all", **RANDOM), twin)
    noisy = inference.with_iterations(model, noise=True)
    x = inputs_for(model)
    with seed_scope(7):
        expected = output(noisy, x)
    steps = inference.Stepwise(noisy)
    assert steps.random

    def run(seed, iterations=1):
        carried, found = steps.start(x, seed), []
        for t in range(0, 3, iterations):
            carried = steps.advance(carried, t, iterations)
            found.append(array(steps.read(carried)))
        return found

    for t, found in enumerate(run(7)):
        np.testing.assert_allclose(found, expected[:, t], 1e-4, 1e-5)
    np.testing.assert_allclose(run(7, 3)[-1], expected[:, -1], 1e-4, 1e-5)
    assert far(run(8)[-1], expected[:, -1])
    assert far(run(None)[-1], run(None)[-1])
    with seed_scope(7):  # Without noise, only the first states are random.
        quiet = output(model, x)
    assert far(quiet, expected)


@pytest.mark.parametrize("start", ["zeros", "fixed_normal"])
def test_fixed_starts_draw_nothing(start):
    arguments = {"injection": "concat", "initial_state": start, "damping": 0.3}
    model = small("deep_thinking_1d", readout="all", **arguments).recurrent
    x = inputs_for(model)
    steps = inference.Stepwise(model)
    carried = steps.start(x)
    assert carried.seed is None and not steps.random
    for t, expected in enumerate(np.swapaxes(output(model, x), 0, 1)):
        carried = steps.advance(carried, t)
        np.testing.assert_allclose(array(steps.read(carried)), expected, 1e-4, 1e-5)


def test_early_exit_of_a_random_model_follows_from_the_seed():
    model = small("deep_thinking_1d", **RANDOM).recurrent
    model = inference.with_iterations(model, noise=True)
    x = inputs_for(model, batch=6)
    rule = inference.StopRule("confidence", 0.34)
    predictor = inference.EarlyExitPredictor(model, rule, 6)
    first, again, other = (predictor(x, 4, seed=s).logits for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert far(first, other) and far(predictor(x).logits, predictor(x).logits)
    signals = [[s for _, s, _ in predictor.follow(x, seed=3)] for _ in range(2)]
    np.testing.assert_array_equal(*signals)
