"""A layer that keeps in its config which of its copies and banks are frozen."""

from typing import Any

import keras

from keras_recur._keras import all_layers, inner_layers, set_trainable


class KeepsFrozen(keras.layers.Layer):
    """Keep the flags `trainable` of the layers that it makes, if they were changed."""

    def __init__(self, trainable_layers: Any = (), **kwargs: Any):
        super().__init__(**kwargs)
        self._trainable_layers = trainable_layers
        self._as_made: Any = None

    def restore_frozen(self) -> None:
        """Restore the flags of the config. Call it at the end of `build`."""
        self._as_made = _flags(self)
        pairs = zip(inner_layers(self), self._trainable_layers, strict=False)
        for part, (name, flags) in pairs:
            if part.name == name:  # With another sharing there are other layers.
                for layer, flag in zip(all_layers(part), flags, strict=True):
                    set_trainable(layer, flag)

    def get_config(self):
        config, saved = super().get_config(), _plain(self._trainable_layers)
        if self.built:
            saved = _flags(self)
            if saved == _plain(self._as_made):
                return config
        return {**config, "trainable_layers": saved} if saved else config


def _flags(layer):
    """Return the name of every part and the flags of all layers in it."""
    parts = inner_layers(layer)
    return [[p.name, [inner.trainable for inner in all_layers(p)]] for p in parts]


def _plain(flags):
    """Return lists, which Keras replaces in attributes of layers."""
    return [[name, list(values)] for name, values in flags]
