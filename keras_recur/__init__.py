"""Recurrent networks and their feed-forward twins, in Keras 3."""

from keras_recur import analysis, data, experiments, layers, runs, training, zoo
from keras_recur.training import losses
from keras_recur.version import __version__

__all__ = [
    "__version__",
    "analysis",
    "data",
    "experiments",
    "layers",
    "losses",
    "runs",
    "training",
    "zoo",
]
