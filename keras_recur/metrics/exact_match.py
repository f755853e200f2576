"""Share of examples in which every position is right, for mazes and strings."""

from typing import Any

import keras
from keras import ops

from keras_recur._labels import example_weights
from keras_recur._validation import check_string
from keras_recur.losses._readout_loss import last_answers


@keras.saving.register_keras_serializable(package="keras_recur")
class ExactMatch(keras.metrics.Mean):
    """Share of examples in which every scored position is right.

    With one label per example, this is the accuracy. Targets below 0 are not scored. If
    the model returns several readouts, the last one is scored.

    Args:
        name: Name of the metric. Defaults to `"accuracy"`.
        dtype: Dtype of the result. Defaults to Keras's float dtype.

    Call arguments:
        y_true: Integer labels, `(batch, ...)`, or `(batch, ..., 1)`.
        y_pred: Logits, `(batch, ..., classes)` or `(batch, iterations, ..., classes)`.
        sample_weight: One weight per example, `(batch,)` or `(batch, 1)`.

    Raises:
        ValueError: If labels or weights have the wrong shape, if there is a single
            logit, or if NumPy labels are not classes.

    Reference:
        [Schwarzschild et al. 2022](https://arxiv.org/abs/2102.11011), section 4.

    Example:

    >>> metric = keras_recur.metrics.ExactMatch()
    >>> logits = np.array([[[0.0, 1.0], [1.0, 0.0]]])
    >>> metric.update_state(np.array([[1, -1]]), logits)
    >>> float(metric.result())
    1.0
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(name=check_string("name", name), dtype=dtype)
        self._direction = "up"  # Keras's callbacks read it.

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = last_answers(y_true, y_pred)
        y_true = ops.cast(y_true, "int32")
        found = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        right = ops.logical_or(found == y_true, y_true < 0)
        positions = tuple(range(1, len(y_true.shape)))
        matches = ops.all(right, axis=positions) if positions else right
        if sample_weight is not None:
            sample_weight = example_weights(sample_weight, y_true, False)
        super().update_state(ops.cast(matches, self.dtype), sample_weight)
