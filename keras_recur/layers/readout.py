"""One head, applied to the last state or to the state after every iteration."""

from typing import Any

import keras
from keras import ops

from keras_recur._validation import check_one_of


@keras.saving.register_keras_serializable(package="keras_recur")
class Readout(keras.layers.Layer):
    """Predicts from the state of a loop, after the last iteration or after each.

    The same head reads every state, so a readout after iteration s of a long run
    is what a shorter run would have predicted.

    Args:
        head: A Keras layer, or a Sequential or Functional of such, from a state to
            a prediction.
        readout: `"last"` (default): the input is one state. `"all"`: the input has
            an axis of iterations behind the batch, and so has the output.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: The state, or with `"all"` the states.
        readout: Another choice for this call. Default: the constructor's.
        training: Passed on to the head.

    Input shape:
        `"last"`: `(batch, ...)`. `"all"`: `(batch, iterations, ...)`.

    Output shape:
        `"last"`: the head's. `"all"`: `(batch, iterations, ...)`.

    Raises:
        ValueError: for an unknown `readout`, or a head that is no Keras layer.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508): supervising the
        readout of every iteration.

    Example:

    >>> head = keras_recur.layers.Readout(keras.layers.Dense(10), readout="all")
    >>> head(np.ones((2, 5, 16))).shape
    (2, 5, 10)
    """

    def __init__(self, head: keras.layers.Layer, readout: str = "last", **kwargs: Any):
        if not isinstance(head, keras.layers.Layer):
            raise ValueError(
                f"`head` must be a Keras layer. Received: {head!r} "
                f"(of type {type(head).__name__})."
            )
        kwargs.setdefault("dtype", head.dtype_policy)
        super().__init__(**kwargs)
        self.head = head
        self.readout = check_one_of("readout", readout, ("last", "all"))
        self._every = self.readout == "all"

    def _readout(self, readout):
        if readout is None:
            return self.readout
        return check_one_of("readout", readout, ("last", "all"))

    def __call__(self, inputs, *args, readout=None, **kwargs):
        if not self.built:  # `build` is not told what this call has chosen.
            self._every = self._readout(readout) == "all"
        return super().__call__(inputs, *args, readout=readout, **kwargs)

    def get_build_config(self):
        config = super().get_build_config()
        return config and {**config, "every": self._every}

    def build_from_config(self, config):
        self._every = config.get("every", self._every)
        super().build_from_config({"input_shape": config["input_shape"]})

    def build(self, input_shape):
        if self._every:
            input_shape = (input_shape[0], *input_shape[2:])
        if not self.head.built:
            self.head(keras.KerasTensor(input_shape, dtype=self.compute_dtype))

    def call(self, inputs, readout=None, training=None):
        if self._readout(readout) == "last":
            return self.head(inputs, training=training)
        iterations = inputs.shape[1]
        merged = ops.reshape(inputs, (-1, *ops.shape(inputs)[2:]))
        outputs = self.head(merged, training=training)
        return ops.reshape(outputs, (-1, iterations, *ops.shape(outputs)[1:]))

    def compute_output_spec(self, inputs, readout=None, training=None):
        every = self._readout(readout) == "all"
        shape = (inputs.shape[0], *inputs.shape[2:]) if every else inputs.shape
        spec = self.head.compute_output_spec(keras.KerasTensor(shape, inputs.dtype))
        shape = spec.shape
        if every:
            shape = (shape[0], inputs.shape[1], *shape[1:])
        return keras.KerasTensor(shape, dtype=spec.dtype)

    def get_config(self):
        head = keras.saving.serialize_keras_object(self.head)
        return {**super().get_config(), "head": head, "readout": self.readout}

    @classmethod
    def from_config(cls, config):
        head = keras.saving.deserialize_keras_object(config.pop("head"))
        return cls(head, **config)
