"""Accuracy over iterations, compared with a run for each number of iterations."""

import keras
import numpy as np
import pytest

from keras_recur import analysis, data, inference, zoo


@pytest.fixture
def pair():
    return zoo.build("deep_thinking_1d", width=8, iterations=3, seed=1)


def right_after(model, iterations, test):
    shorter = inference.with_iterations(model, iterations)
    hits = []
    for i in range(len(test)):
        x, y = test[i]
        found = keras.ops.convert_to_numpy(shorter(x)).argmax(-1)
        hits += list((found == y).all(axis=-1))
    return np.mean(hits)


def test_iteration_curve_matches_runs_of_each_length(pair):
    # Strings of one bit are right half of the time, so shares differ.
    test = data.load("prefix_sums", "train", 7, size=3, num_examples=40, shuffle=False)
    curve = analysis.iteration_curve(pair.recurrent, test, 5)
    expected = [right_after(pair.recurrent, n, test) for n in (1, 2, 3, 4, 5)]
    np.testing.assert_allclose(curve, expected, atol=1e-12)
    assert 0 < curve.max() < 1


def test_iteration_curve_ignores_walls():
    pair = zoo.build("deep_thinking_2d", width=4, iterations=1, seed=0)
    test = data.load("mazes", "test", 5, size=3, num_examples=10)
    x, y = test[0]
    all_right = inference.with_iterations(pair.recurrent, readout="all")

    class Perfect:
        def __getitem__(self, i):
            found = all_right.predict_on_batch(x).argmax(-1)[:, -1]
            return x, np.where(y < 0, -1, found)

        def __len__(self):
            return 1

    assert analysis.iteration_curve(pair.recurrent, Perfect())[-1] == 1.0


def test_iteration_curve_reports_progress_and_checks_limits(pair):
    test = data.load("prefix_sums", "test", 5, size=8, num_examples=12)
    seen = []
    analysis.iteration_curve(pair.recurrent, test, 2, on_batch=seen.append)
    assert seen == list(range(1, len(test) + 1))
    with pytest.raises(ValueError, match="at most 3 here"):
        analysis.iteration_curve(pair.feedforward, test, 4)
    with pytest.raises(ValueError, match="no examples"):
        analysis.iteration_curve(pair.recurrent, [], 4)


def images(count):
    return data.load("digits", "test", 25, num_examples=count)


def one_by_one(model, numbers, test):
    return [right_after_one(model, n, test) for n in numbers]


def right_after_one(model, steps, test):
    shorter = inference.with_iterations(model, steps, readout="last")
    hits = [shorter.predict_on_batch(x).argmax(-1) == y for x, y in test]
    return np.concatenate(hits).mean()


SMALL = {"input_shape": (8, 8, 1), "width": 2, "seed": 3}


@pytest.mark.once
def test_iteration_curve_runs_stretched_schedule_per_step_count():
    pair = zoo.build("multistate_resnet", **SMALL, iterations=5)
    test = images(50)
    curve = analysis.iteration_curve(pair.recurrent, test, 7)
    assert np.isnan(curve).tolist() == [True] + 6 * [False]
    expected = one_by_one(pair.recurrent, range(2, 8), test)
    np.testing.assert_allclose(curve[1:], expected, atol=1e-12)
    seen = []
    analysis.iteration_curve(pair.recurrent, test, 4, on_batch=seen.append)
    assert seen == [1, 2]
    # With untied weights, loops of the first state can be dropped but not added.
    curve = analysis.iteration_curve(pair.feedforward, test)
    expected = one_by_one(pair.feedforward, range(2, 6), test)
    np.testing.assert_allclose(curve[1:], expected, atol=1e-12)
    with pytest.raises(ValueError, match="No weights exist"):
        analysis.iteration_curve(pair.feedforward, test, 6)


@pytest.mark.once
def test_iteration_curve_of_empty_readout_is_nan():
    pair = zoo.build("frnn", **SMALL, states=3, graph="adjacent", iterations=4)
    test = images(50)
    curve = analysis.iteration_curve(pair.recurrent, test, 5)
    assert np.isnan(curve).tolist() == [True, False, False, False, False]
    expected = one_by_one(pair.recurrent, range(2, 6), test)
    np.testing.assert_allclose(curve[1:], expected, atol=1e-12)
