"""Small networks, data and callbacks for the tests of `fit`."""

import keras
import numpy as np

from keras_recur import data, zoo
from keras_recur.training import Recipe, fit

RECIPE = Recipe("adam", 0.01, epochs=3, batch_size=16, milestones=(1,), clip_norm=1.0)


def strings(**arguments):
    common = {"batch_size": 16, "size": 6, "num_examples": 32}
    return data.load("prefix_sums", **{**common, **arguments})


def deep_thinking(seed=1, iterations=3, **arguments):
    arguments = {"initializer": "he_normal", "seed": seed, **arguments}
    pair = zoo.build("deep_thinking_1d", width=4, iterations=iterations, **arguments)
    return pair.recurrent


def plain(units=2, seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((None, 1)), keras.layers.Dense(units)])


def vectors(number=32, classes=2):
    """Return vectors and labels that a linear model can learn."""
    x = np.random.default_rng(0).normal(size=(number, 4)).astype("float32")
    return x, (x[:, 0] > 0).astype("int32") % classes


def classifier(units=2, seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])


def train(model, recipe=RECIPE, dataset=None, **arguments):
    dataset = strings() if dataset is None else dataset
    return fit(model, recipe, dataset, **{"verbose": 0, **arguments})


def assert_same_weights(one, other, tolerance=1e-7):
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=tolerance)


class Stop(keras.callbacks.Callback):
    """Raise an error at the end of an epoch, counted from 0, or within it."""

    def __init__(self, error, epoch, batch=None):
        super().__init__()
        self.error, self.epoch, self.batch = error, epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, self.batch):
            raise self.error

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch and self.batch is None:
            raise self.error
