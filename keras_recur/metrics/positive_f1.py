"""F1 score for tasks with heavily unbalanced classes."""

from typing import Any

import keras
from keras import ops

from keras_recur._labels import example_weights
from keras_recur._validation import check_string
from keras_recur.losses._readout_loss import last_answers


@keras.saving.register_keras_serializable(package="keras_recur", name="F1")
class PositiveF1(keras.metrics.Metric):
    """F1 of the positive class, over all positions of all examples.

    The score is 2 TP / (2 TP + FP + FN), counted over the whole epoch, or 0 if there
    are no positives. Targets above 0 are positive, and targets below 0 are not scored.
    If the model returns several readouts, the last one is scored.

    Args:
        name: Name of the metric. Defaults to `"f1"`.
        dtype: Dtype of the result. Defaults to Keras's float dtype.

    Call arguments:
        y_true: Integer labels, `(batch, ...)`, or `(batch, ..., 1)`.
        y_pred: Logits, `(batch, ..., classes)` or `(batch, iterations, ..., classes)`.
        sample_weight: One weight per example, `(batch,)` or `(batch, 1)`, or one per
            position, in the shape of the labels.

    Raises:
        ValueError: If labels or weights have the wrong shape, if there is a single
            logit, or if NumPy labels are not classes.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), shortest-path task.

    Example:

    >>> metric = keras_recur.metrics.PositiveF1()
    >>> logits = np.array([[[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]])
    >>> metric.update_state(np.array([[1, 0, 0]]), logits)
    >>> round(float(metric.result()), 4)
    0.6667
    """

    def __init__(self, name: str = "f1", dtype: Any = None):
        super().__init__(name=check_string("name", name), dtype=dtype)
        self._direction = "up"  # Keras's callbacks read it.
        names = ("hits", "found", "wanted")
        self.hits, self.found, self.wanted = (
            self.add_weight(shape=(), initializer="zeros", name=n) for n in names
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = last_answers(y_true, y_pred)
        weight = 1.0
        if sample_weight is not None:
            weight = example_weights(sample_weight, y_true, True)
        y_true = ops.cast(y_true, "int32")
        scored = y_true >= 0
        found = ops.logical_and(ops.argmax(y_pred, axis=-1) > 0, scored)
        wanted = y_true > 0
        hits = ops.logical_and(found, wanted)
        for total, here in (
            (self.hits, hits),
            (self.found, found),
            (self.wanted, wanted),
        ):
            counted = ops.cast(here, "float32") * weight
            total.assign_add(ops.cast(ops.sum(counted), total.dtype))

    def result(self):
        # Sums of weighted examples may be below 1.
        return ops.divide_no_nan(2 * self.hits, self.found + self.wanted)
