"""ExactMatch scores all positions of the last readout."""

import keras
import numpy as np
import pytest

from keras_recur.metrics import ExactMatch


def logits(found, classes=3):
    return 5.0 * np.eye(classes, dtype="float32")[np.array(found)]


def score(y, predictions, **arguments):
    metric = ExactMatch()
    metric.update_state(np.array(y), predictions, **arguments)
    return float(metric.result())


def test_exact_match_of_one_label_is_accuracy():
    assert score([0, 1, 2, 1], logits([0, 1, 1, 1])) == 0.75


def test_exact_match_needs_all_positions():
    y = [[0, 1, 2], [0, 1, 2], [0, 1, 2]]
    assert score(y, logits([[0, 1, 2], [0, 1, 1], [0, 1, 2]])) == pytest.approx(2 / 3)


def test_exact_match_ignores_walls():
    y = [[[1, -1], [0, -1]], [[1, -1], [0, 1]]]
    right = [[[1, 2], [0, 0]], [[1, 0], [0, 1]]]
    wrong = [[[1, 2], [0, 0]], [[0, 0], [0, 1]]]
    assert score(y, logits(right)) == 1.0
    assert score(y, logits(wrong)) == 0.5


def test_exact_match_scores_last_readout():
    y = [[0, 1], [1, 1]]
    wrong, right = [[2, 2], [2, 2]], [[0, 1], [1, 1]]
    both = np.stack([logits(wrong), logits(right)], axis=1)
    assert score(y, both) == 1.0
    assert score(y, both[:, ::-1]) == 0.0


def test_exact_match_averages_over_all_batches():
    metric = ExactMatch()
    metric.update_state(np.array([0, 0, 0]), logits([0, 0, 0]))
    metric.update_state(np.array([0]), logits([1]))
    assert float(metric.result()) == 0.75
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_exact_match_uses_sample_weight():
    weight = np.array([3.0, 1.0])
    assert score([0, 0], logits([0, 1]), sample_weight=weight) == 0.75


def test_exact_match_round_trips_config():
    config = keras.saving.serialize_keras_object(ExactMatch("mazes_solved"))
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, ExactMatch) and again.name == "mazes_solved"
