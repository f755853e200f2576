"""Accuracy by a number of each example."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis
from keras_recur.layers import Readout, SharedRecurrentBlock

pytestmark = pytest.mark.once
X = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], "float32")


def identity():
    x = keras.Input((2,))
    loop = SharedRecurrentBlock(layers.Identity(), 3)
    return keras.Model(x, Readout(layers.Identity())(loop(x)))


def test_accuracy_by_matches_hand_computation():
    # The answers are 0, 0, 1, 1, 1.
    batches = [(X[:3], np.array([0, 1, 1])), (X[3:], np.array([0, 1]))]
    found = analysis.accuracy_by(identity(), batches, lambda x, y: 10 * y)
    assert found.groups.tolist() == [0, 10] and found.examples.tolist() == [2, 3]
    np.testing.assert_allclose(found.accuracy, [1 / 2, 2 / 3])
    inputs = analysis.accuracy_by(identity(), batches, lambda x, y: x[1], 5)
    np.testing.assert_allclose(inputs.accuracy, [1 / 2, 2 / 3])


def test_plot_accuracy_by_draws_groups_and_counts(tmp_path):
    found = analysis.AccuracyBy(
        np.array([1, 3, 4]), np.array([1, 0.5, 0]), np.array([4, 2, 1])
    )
    path = tmp_path / "by.png"
    scores, counts = analysis.plot_accuracy_by(found, "length", path).axes
    np.testing.assert_allclose(scores.lines[0].get_ydata(), [100, 50, 0])
    assert [bar.get_height() for bar in counts.patches] == [4, 2, 1]
    assert counts.get_xlabel() == "length"
    assert path.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("value", ["a", None, np.nan, [1, 2]])
def test_accuracy_by_rejects_other_groups(value):
    with pytest.raises(ValueError, match="`group` must return a finite number"):
        analysis.accuracy_by(identity(), (X, np.zeros(5, int)), lambda x, y: value)
