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


@pytest.mark.parametrize("value", ["a", None, np.nan, [1, 2]])
def test_accuracy_by_rejects_other_groups(value):
    with pytest.raises(ValueError, match="`group` must return a finite number"):
        analysis.accuracy_by(identity(), (X, np.zeros(5, int)), lambda x, y: value)
