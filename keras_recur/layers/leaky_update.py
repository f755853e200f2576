"""A layer that moves a state towards an update."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_recur.layers._keras_arguments import check_keras


@keras.saving.register_keras_serializable(package="keras_recur")
class LeakyUpdate(keras.layers.Layer):
    """Move a state a learned part of the way to its update.

    The layer returns `state + sigmoid(leak) * (update - state)`, with one learned
    `leak` per channel. As the last layer of a block it keeps a state bounded if its
    update is bounded, such as that of `tanh`.

    Args:
        leak_initializer: Keras initializer of `leak`. Defaults to `"zeros"`, which
            moves the state half of the way.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: A list `[state, update]` of two tensors of one shape, of rank 2 or more.
        mask: Masks of padding of both inputs. The output has the mask of the state, or
            that of the update if the state has none.

    Input shape:
        Two tensors of shape `(batch, ..., channels)`.

    Output shape:
        `(batch, ..., channels)`.

    Raises:
        ValueError: If the initializer is unknown, or the inputs are not two tensors of
            one shape with a known number of channels.

    Reference:
        [Jaeger et al. 2007](https://doi.org/10.1016/j.neunet.2007.04.016), section 2:
        leaky-integrator units. Here the leak is learned.

    Example:

    >>> state = keras.Input((16, 8))
    >>> update = keras.layers.Conv1D(8, 3, padding="same", activation="tanh")(state)
    >>> block = keras.Model(state, keras_recur.layers.LeakyUpdate()([state, update]))
    >>> loop = keras_recur.layers.SharedRecurrentBlock(block, iterations=5)
    >>> loop(np.ones((2, 16, 8))).shape
    (2, 16, 8)
    """

    def __init__(self, leak_initializer: str | Callable = "zeros", **kwargs: Any):
        super().__init__(**kwargs)
        self.leak_initializer = check_keras(
            "leak_initializer",
            leak_initializer,
            keras.initializers.get,
            optional=False,
        )
        self.supports_masking = True

    def build(self, input_shape):
        _check(input_shape)
        self.leak = self.add_weight(
            name="leak",
            shape=(input_shape[0][-1],),
            initializer=self.leak_initializer,
        )

    def call(self, inputs):
        state, update = inputs
        return state + ops.sigmoid(self.leak) * (update - state)

    def compute_mask(self, inputs, previous_mask):
        """Return the first of the two masks that is there."""
        masks = previous_mask or []
        return next((mask for mask in masks if mask is not None), None)

    def compute_output_shape(self, input_shape):
        _check(input_shape)
        return input_shape[0]

    def get_config(self):
        leak = keras.initializers.serialize(self.leak_initializer)
        return {**super().get_config(), "leak_initializer": leak}


def _check(shapes):
    several = len(shapes) == 2 and isinstance(shapes[0], list | tuple)
    if not several or not _fit(*shapes):
        raise ValueError(
            "LeakyUpdate takes a list of two inputs, the state and its update, of one "
            "shape `(batch, ..., channels)` with a known number of channels. "
            f"Received: shapes {shapes}."
        )


def _fit(state, update):
    """Return whether the shapes can be equal, with a known last axis."""
    same = len(state) == len(update) > 1 and state[-1] == update[-1] is not None
    return same and all(
        None in (a, b) or a == b for a, b in zip(state, update, strict=True)
    )
