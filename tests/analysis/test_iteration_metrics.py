"""Metrics over iterations, compared with counts by hand."""

import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_recur import analysis, data, inference, zoo
from keras_recur.layers import Readout, SharedRecurrentBlock


@keras.saving.register_keras_serializable(package="tests")
class Add(keras.layers.Layer):
    """Add one at every iteration."""

    def call(self, x):
        return x + 1.0


@keras.saving.register_keras_serializable(package="tests")
class Answer(keras.layers.Layer):
    """Return, after n iterations, the class in the n-th digit of x."""

    def call(self, state):
        digits = ops.floor(state) - 1.0
        code = ops.round((state - ops.floor(state)) * 1000.0)
        place = ops.floor(code / 10.0 ** (2.0 - digits)) % 10.0
        return ops.one_hot(ops.cast(place[..., 0], "int32"), 3)


def told(rows):
    """Return a model with three iterations, and data with these digits as answers."""
    inputs = keras.Input((1,))
    loop = SharedRecurrentBlock(Add(), iterations=3, return_sequences=True)
    model = keras.Model(inputs, Readout(Answer(), "all", name="readout")(loop(inputs)))
    codes = [[sum(d * 10.0**-p for p, d in enumerate(row, start=1))] for row in rows]
    return model, np.array(codes, "float32") + 1e-5


ROWS = [(0, 1, 1), (1, 1, 0), (1, 0, 1), (2, 2, 2)]


def test_iteration_metrics_match_hand_computation(monkeypatch):
    model, x = told(ROWS)
    found_answers = np.argmax(ops.convert_to_numpy(model(x)), axis=-1)
    np.testing.assert_array_equal(found_answers, ROWS)
    module = sys.modules["keras_recur.analysis.iteration_metrics"]
    macs = np.array([[100.0, 110.0, 140.0]])
    monkeypatch.setattr(module, "macs_over_iterations", lambda *_: macs)
    y = np.array([1, 1, 1, 1])
    found = analysis.iteration_metrics(model, [(x[:3], y[:3]), (x[3:], y[3:])])
    np.testing.assert_allclose(found.accuracy, [0.5, 0.5, 0.5])
    # The third is lost and recovered; the second stays lost.
    np.testing.assert_allclose(found.flips, [0, 0.25, 0.25])
    np.testing.assert_allclose(found.agreement, [0.5, 0.5, 1.0])
    assert found.flip_rate == 0.25
    assert found.area == 0.5
    right = analysis.iteration_metrics(model, [(x, np.array([1, 1, 1, 2]))])
    np.testing.assert_allclose(right.accuracy, [0.75, 0.75, 0.75])
    rising = analysis.iteration_metrics(model, [(x[:1], y[:1])])
    np.testing.assert_allclose(rising.accuracy, [0, 1, 1])
    assert rising.area == pytest.approx((10 * 0.5 + 30) / 40)


@pytest.mark.once
@pytest.mark.parametrize("injection", [None, "concat"])
@pytest.mark.parametrize("twin", ["recurrent", "feedforward"])
def test_iteration_metrics_match_iteration_curve(twin, injection):
    pair = zoo.build(
        "deep_thinking_1d", width=8, iterations=3, injection=injection, seed=0
    )
    model = getattr(pair, twin)
    x = data.prefix_sums(split="test", size=8, num_examples=6)[0]
    every = inference.with_iterations(model, readout="all").predict_on_batch(x)
    # Answers after two iterations: half in full, the others without one position.
    y = every[:, 1].argmax(axis=-1)
    y[3:, 0] = 1 - y[3:, 0]
    batches = [(x[:4], y[:4]), (x[4:], y[4:])]
    found = analysis.iteration_metrics(model, batches)
    np.testing.assert_allclose(found.accuracy, analysis.iteration_curve(model, batches))
    assert found.accuracy[1] == 0.5
    recall = 0 if injection is None else 9 * 8
    per_position = 3 * (4 * 8 * 8 + recall)
    np.testing.assert_array_equal(np.diff(found.macs), 8 * per_position)
    assert found.macs[-1] == zoo.costs(model, (8, 1)).macs


def test_iteration_metrics_of_superclasses_match_hand_computation():
    model, x = told([(0, 1, 1), (2, 1, 0), (2, 0, 1), (1, 1, 1)])
    data = [(x, np.array([1, 1, 1, 1]))]
    found = analysis.iteration_metrics(model, data, hierarchy=[0, 0, 1])
    np.testing.assert_allclose(found.accuracy, [0.25, 0.75, 0.75])
    np.testing.assert_allclose(found.coarse_accuracy, [0.5, 1, 1])
    np.testing.assert_allclose(found.compliance, [1 / 3, 1, 1])
    sure = analysis.iteration_metrics(model, [(x[3:], [1])], hierarchy=[0, 0, 1])
    assert np.isnan(sure.compliance).all()
    with pytest.raises(ValueError, match="each of the 3 classes. Received: 2"):
        analysis.iteration_metrics(model, data, hierarchy=[0, 0])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_iteration_metrics_of_superclasses_take_labels_of_every_type(dtype):
    model, x = told([(0, 1, 1), (2, 1, 0), (2, 0, 1), (1, 1, 1)])
    data = [(x, np.ones(4, dtype))]
    found = analysis.iteration_metrics(model, data, hierarchy=[0, 0, 1])
    np.testing.assert_allclose(found.accuracy, [0.25, 0.75, 0.75])
    np.testing.assert_allclose(found.coarse_accuracy, [0.5, 1, 1])


def test_iteration_metrics_ignore_unscored_positions():
    model, x = told(ROWS)
    with_none = [(x, np.array([-1, 1, 1, 1]))]
    found = analysis.iteration_metrics(model, with_none)
    np.testing.assert_allclose(found.accuracy, [0.75, 0.5, 0.5])
    assert found.agreement[0] == 0.75


def test_iteration_metrics_of_empty_readout_are_nan():
    pair = zoo.build(
        "multistate_resnet", input_shape=(8, 8, 1), width=2, iterations=4, seed=0
    )
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    found = analysis.iteration_metrics(pair.recurrent, [(x, np.zeros(4, "int32"))])
    empty = np.isnan(found.accuracy)
    assert empty.any() and not empty[-1]
    np.testing.assert_array_equal(np.isnan(found.macs), empty)
    assert np.isfinite(found.area) and np.isfinite(found.flip_rate)


def test_iteration_metrics_reject_empty_data():
    pair = zoo.build("mlp", input_shape=(2, 2, 1), width=4, iterations=2)
    with pytest.raises(ValueError, match="no examples"):
        analysis.iteration_metrics(pair.recurrent, [])
