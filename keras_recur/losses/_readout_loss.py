"""Checks of targets and padding, shared by losses and metrics over readouts."""

from typing import Any

import keras

from keras_recur._labels import check_given, matched
from keras_recur.layers._masks import without_padding


class ReadoutLoss(keras.losses.Loss):
    """Loss that checks targets given as arrays and does not score padding."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None):
        check_given(y_true, y_pred)
        y_true, y_pred = without_padding(y_true, y_pred)
        return super().__call__(y_true, y_pred, sample_weight)


def last_answers(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return targets in the shape of the answers, and the last readout's logits."""
    check_given(y_true, y_pred)
    y_true, y_pred = map(keras.ops.convert_to_tensor, (y_true, y_pred))
    y_true, y_pred = without_padding(y_true, y_pred)
    y_true, several = matched(y_true, y_pred)
    return y_true, y_pred[:, -1] if several else y_pred
