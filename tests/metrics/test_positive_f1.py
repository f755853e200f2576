"""PositiveF1 over all positions, compared with its definition."""

import keras
import numpy as np
import pytest

from keras_recur.metrics import PositiveF1


def logits(found):
    return 5.0 * np.eye(2, dtype="float32")[np.array(found)]


def by_hand(y, found):
    y, found = np.asarray(y), np.asarray(found)
    hits = np.sum((found == 1) & (y == 1))
    precision = hits / np.sum((found == 1) & (y >= 0))
    recall = hits / np.sum(y == 1)
    return 2 * precision * recall / (precision + recall)


def test_positive_f1_counts_over_batches():
    rng = np.random.default_rng(0)
    y = rng.integers(-1, 2, (9, 4, 4))
    found = rng.integers(0, 2, (9, 4, 4))
    metric = PositiveF1()
    for rows in (slice(0, 1), slice(1, 9)):
        metric.update_state(y[rows], logits(found[rows]))
    assert float(metric.result()) == pytest.approx(by_hand(y, found), abs=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_positive_f1_scores_last_readout():
    y = np.array([[0, 1, 1]])
    both = np.stack([logits([[1, 0, 0]]), logits([[0, 1, 1]])], axis=1)
    metric = PositiveF1()
    metric.update_state(y, both)
    assert float(metric.result()) == 1.0


def test_positive_f1_without_positives_is_zero():
    metric = PositiveF1()
    metric.update_state(np.zeros((1, 3)), logits([[0, 0, 0]]))
    assert float(metric.result()) == 0.0


def test_positive_f1_round_trips_config():
    config = keras.saving.serialize_keras_object(PositiveF1("paths"))
    assert keras.saving.deserialize_keras_object(config).name == "paths"
