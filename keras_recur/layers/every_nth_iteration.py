"""A layer that selects one of two inputs by the running iteration."""

from typing import Any

import keras
from keras import ops

from keras_recur._validation import check_positive_int
from keras_recur.layers.iteration import current_iteration


@keras.saving.register_keras_serializable(package="keras_recur")
class EveryNthIteration(keras.layers.Layer):
    """Return the second input at every n-th iteration of a loop, otherwise the first.

    Blocks use it for skip connections in time: at iterations 0, n, 2n, ... a block adds
    the value that it kept n iterations before, and keeps a new one.

    Args:
        n: Number of iterations between two uses of the second input. Positive integer.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: A list of two tensors of one shape, `(batch, ...)`.

    Output shape:
        `(batch, ...)`.

    Raises:
        ValueError: If `n` is not a positive integer, or the inputs are not two tensors
            of one shape.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508), section 3.1: skip
        connections in time, of length 2 in the released code.

    Example:

    Add the state to itself at iterations 0, 2 and 4:

    >>> state = keras.Input((1,))
    >>> doubled = keras.layers.Add()([state, state])
    >>> chosen = keras_recur.layers.EveryNthIteration(2)([state, doubled])
    >>> block = keras.Model(state, chosen)
    >>> loop = keras_recur.layers.SharedRecurrentBlock(block, iterations=5)
    >>> float(loop(np.ones((1, 1)))[0, 0])
    8.0
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = check_positive_int("n", n)

    def build(self, input_shape):
        _check(input_shape)

    def call(self, inputs):
        first, second = inputs
        loop = current_iteration()
        number = loop.number if loop else 0
        if isinstance(number, int):
            return second if number % self.n == 0 else first
        return ops.where(number % self.n == 0, second, first)

    def compute_output_shape(self, input_shape):
        _check(input_shape)
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "n": self.n}


def _check(shapes):
    several = len(shapes) == 2 and isinstance(shapes[0], list | tuple)
    if not several or tuple(shapes[0]) != tuple(shapes[1]):
        raise ValueError(
            "EveryNthIteration chooses between two inputs of one shape. Received: "
            f"shapes {shapes}."
        )
