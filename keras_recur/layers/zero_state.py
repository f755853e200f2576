"""A layer that returns the first state of a loop: zeros."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_recur._validation import check_positive_int, check_sequence


@keras.saving.register_keras_serializable(package="keras_recur")
class ZeroState(keras.layers.Layer):
    """Return zeros of a given shape for every example of the input.

    Gated cells start from this state. As a layer, it allows an open batch size.

    Args:
        shape: Shape of the state, without the batch. Positive integers.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Any tensor of shape `(batch, ...)`.

    Output shape:
        `(batch, *shape)`.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> keras_recur.layers.ZeroState((4, 4, 16))(np.ones((2, 8, 8, 3))).shape
    (2, 4, 4, 16)
    """

    def __init__(self, shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.shape = tuple(
            check_sequence("shape", shape, lambda _, n: check_positive_int("shape", n))
        )

    def build(self, input_shape):
        pass

    def call(self, inputs):
        return ops.zeros((ops.shape(inputs)[0], *self.shape), dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return {**super().get_config(), "shape": list(self.shape)}
