"""Small pairs of the image families, for tests of analyses of their states."""

import numpy as np

from keras_recur import zoo

_SHAPE = {"input_shape": (20, 20, 1), "num_classes": 3}
PAIRS = {
    "mlp": {**_SHAPE, "width": 6, "iterations": 3},
    "convnet": {**_SHAPE, "width": 4, "iterations": 3},
    "resnet": {**_SHAPE, "width": 4, "iterations": 3},
    "resnet_bn": {**_SHAPE, "width": 4, "iterations": 3},
    "swrn": {**_SHAPE, "width": 1, "depth": 22},
    "feedback": {**_SHAPE, "width": 2, "iterations": 3},
    "frnn": {**_SHAPE, "width": 2, "iterations": 3, "states": 2},
    "multistate_resnet": {**_SHAPE, "width": 2, "iterations": 3},
}


def small_pair(name):
    """Return a new pair, with the same weights in every call."""
    return zoo.build(name, seed=0, **PAIRS[name])


def images_of(model, count):
    """Return normal random inputs of a model."""
    shape = (count, *model.input_shape[1:])
    return np.random.default_rng(0).normal(size=shape).astype("float32")
