"""Recurrent networks and their feed-forward twins, in Keras 3."""

from keras_recur import layers
from keras_recur.version import __version__

__all__ = ["__version__", "layers"]
