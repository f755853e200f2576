"""The score of tasks whose classes are heavily unbalanced: F1."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recur")
class F1(keras.metrics.Metric):
    """F1 of the positive class, over all positions of all examples.

    2 TP / (2 TP + FP + FN), counted over the whole epoch, not averaged over batches.
    Targets above 0 are positive, those below 0 are not scored. Of several readouts the
    last one counts. Without any positive, found or wanted, it is 0.

    Args:
        name: Default `"f1"`.
        dtype: Of the result.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), who score the
        shortest-path task by it.

    Example:

    >>> metric = keras_recur.training.F1()
    >>> logits = np.array([[[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]])
    >>> metric.update_state(np.array([[1, 0, 0]]), logits)
    >>> round(float(metric.result()), 4)
    0.6667
    """

    def __init__(self, name: str = "f1", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        names = ("hits", "found", "wanted")
        self.hits, self.found, self.wanted = (
            self.add_weight(shape=(), initializer="zeros", name=n) for n in names
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        if len(y_pred.shape) == len(y_true.shape) + 2:
            y_pred = y_pred[:, -1]
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
            total.assign_add(ops.cast(ops.sum(ops.cast(here, "float32")), total.dtype))

    def result(self):
        return 2 * self.hits / ops.maximum(self.found + self.wanted, 1.0)
