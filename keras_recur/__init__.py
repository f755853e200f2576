"""Recurrent networks and their feed-forward twins, in Keras 3."""

import importlib
from typing import TYPE_CHECKING

from keras_recur._startup import on_command_line, quiet_tensorflow
from keras_recur.version import __version__

if TYPE_CHECKING:
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
        playground,
        recipes,
        regularizers,
        reports,
        runs,
        training,
        tuning,
        zoo,
    )
    from keras_recur.exporting import export
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

_FUNCTIONS = {"export": "exporting", "play": "playground"}


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'keras_recur' has no attribute {name!r}")
    module = importlib.import_module(f"keras_recur.{_FUNCTIONS.get(name, name)}")
    return getattr(module, name) if name in _FUNCTIONS else module


def __dir__():
    return sorted({*globals(), *__all__})


if on_command_line():
    quiet_tensorflow()  # Commands import Keras and the rooms when they run.
else:
    importlib.import_module("keras_recur._rooms")
