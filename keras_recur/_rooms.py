"""Import all rooms but `playground` and `tuning`, which registers their classes."""

import keras

from keras_recur import (  # noqa: F401
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

if keras.backend.backend() == "torch":
    zero_all_gradients()
