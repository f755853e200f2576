"""One head, applied to the last state or to the state after every iteration."""

from typing import Any

import keras
from keras import ops, tree

from keras_recur._keras import symbolic_call
from keras_recur._validation import check_one_of, check_type
from keras_recur.layers._copies import shared_config
from keras_recur.layers._direct import DirectBlock
from keras_recur.layers._masks import attach, masks_of, readable


@keras.saving.register_keras_serializable(package="keras_recur")
class Readout(keras.layers.Layer):
    """Predict from the state of a loop, after the last iteration or after each.

    The same head reads every state, so the readout after iteration s of a long run
    equals the prediction of a run of s iterations.

    Args:
        head: A Keras layer or model that maps a state to a prediction: a tensor or a
            nest of tensors, such as a dictionary of answers.
        readout: `"last"`: the input is one state. `"all"`: the input and the output
            have an axis of iterations after the batch. Defaults to `"last"`.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: One state, or all states with `"all"`.
        readout: Overrides the constructor's value for this call.
        mask: Mask of padding of the inputs. Defaults to the mask that Keras has
            attached to them. The output has the mask that the head returns.
        training: Passed on to the head.

    Input shape:
        `"last"`: `(batch, ...)`. `"all"`: `(batch, iterations, ...)`.

    Output shape:
        `"last"`: the head's. `"all"`: `(batch, iterations, ...)`, for every output of
        the head.

    Raises:
        ValueError: If `readout` is unknown, or the head is not a Keras layer.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508): supervising the
        readout of every iteration.

    Example:

    >>> head = keras_recur.layers.Readout(keras.layers.Dense(10), readout="all")
    >>> head(np.ones((2, 5, 16))).shape
    (2, 5, 10)
    """

    def __init__(self, head: keras.layers.Layer, readout: str = "last", **kwargs: Any):
        check_type("head", head, keras.layers.Layer, "a Keras layer")
        kwargs.setdefault("dtype", head.dtype_policy)
        super().__init__(**kwargs)
        self.head = head
        self.readout = check_one_of("readout", readout, ("last", "all"))
        self._every = self.readout == "all"
        self.supports_masking = True

    def _readout(self, readout):
        if readout is None:
            return self.readout
        return check_one_of("readout", readout, ("last", "all"))

    def __call__(self, inputs, *args, readout=None, **kwargs):
        if not self.built:  # `build` does not receive `readout`.
            self._every = self._readout(readout) == "all"
        return readable(super().__call__(inputs, *args, readout=readout, **kwargs))

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
            state = keras.KerasTensor(input_shape, dtype=self.compute_dtype)
            symbolic_call(self.head, state)
        self._direct = DirectBlock(self.head)

    def call(self, inputs, readout=None, mask=None, training=None):
        masks = masks_of(inputs) if mask is None else tree.flatten(mask)
        if self._readout(readout) == "last":
            return self._direct(attach(inputs, masks), training=training)
        iterations = _iterations(inputs)

        def merged(x):
            return None if x is None else ops.reshape(x, (-1, *ops.shape(x)[2:]))

        def split(x):
            if x is None:
                return None
            return ops.reshape(x, (-1, iterations, *ops.shape(x)[1:]))

        states = attach(tree.map_structure(merged, inputs), [merged(m) for m in masks])
        outputs = self._direct(states, training=training)
        masks = [split(m) for m in masks_of(outputs)]
        return attach(tree.map_structure(split, outputs), masks)

    def compute_mask(self, inputs, previous_mask):
        """Return `None`, because `call` attaches the masks that the head returns."""
        return

    def compute_output_spec(self, inputs, readout=None, mask=None, training=None):
        every = self._readout(readout) == "all"
        iterations = _iterations(inputs) if every else None
        masks = masks_of(inputs) if mask is None else tree.flatten(mask)

        def one(x):
            if x is None:
                return None
            shape = (x.shape[0], *x.shape[2:]) if every else x.shape
            return keras.KerasTensor(shape, x.dtype)

        def all_of(x):
            if x is None:
                return None
            shape = (x.shape[0], iterations, *x.shape[1:]) if every else x.shape
            return keras.KerasTensor(shape, x.dtype)

        state = attach(tree.map_structure(one, inputs), [one(m) for m in masks])
        outputs = symbolic_call(self.head, state)
        found = [all_of(m) for m in masks_of(outputs)]
        return attach(tree.map_structure(all_of, outputs), found)

    def get_config(self):
        head = shared_config(self.head)
        return {**super().get_config(), "head": head, "readout": self.readout}

    @classmethod
    def from_config(cls, config):
        head = keras.saving.deserialize_keras_object(config.pop("head"))
        return cls(head, **config)


def _iterations(inputs):
    return tree.flatten(inputs)[0].shape[1]
