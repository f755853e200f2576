"""What every loss over readouts does before Keras takes the mean."""

from typing import Any

import keras

from keras_recur._labels import check_given
from keras_recur.layers._masks import without_padding


class ReadoutLoss(keras.losses.Loss):
    """A loss that checks targets in arrays, and does not score padding."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None):
        check_given(y_true, y_pred)
        y_true, y_pred = without_padding(y_true, y_pred)
        return super().__call__(y_true, y_pred, sample_weight)
