"""Recurrent networks and their feed-forward twins, in Keras 3."""

import importlib
from typing import TYPE_CHECKING

from keras_recur._startup import quiet_command_line

quiet_command_line()  # Before the first import of Keras.

import keras

from keras_recur import (
    analysis,
    callbacks,
    data,
    experiments,
    exporting,
    inference,
    layers,
    losses,
    metrics,
    optimizers,
    recipes,
    regularizers,
    reports,
    runs,
    training,
    zoo,
)
from keras_recur._torch_gradients import zero_all_gradients
from keras_recur.exporting import export
from keras_recur.version import __version__

if keras.backend.backend() == "torch":
    zero_all_gradients()

if TYPE_CHECKING:
    from keras_recur import playground, tuning
    from keras_recur.playground import play

__all__ = [
    "__version__",
    "analysis",
    "callbacks",
    "data",
    "experiments",
    "export",
    "exporting",
    "inference",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "play",
    "playground",
    "recipes",
    "regularizers",
    "reports",
    "runs",
    "training",
    "tuning",
    "zoo",
]


def __getattr__(name):
    # Importing KerasTuner is slow, and few programs need the page.
    if name in ("tuning", "playground"):
        return importlib.import_module(f"keras_recur.{name}")
    if name == "play":
        return importlib.import_module("keras_recur.playground").play
    raise AttributeError(f"module 'keras_recur' has no attribute {name!r}")
