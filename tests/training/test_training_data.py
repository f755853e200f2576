"""Finite and endless data, unbuilt models, and bad inputs."""

import keras
import numpy as np
import pytest
from keras import layers
from training_networks import (
    assert_same_weights,
    classifier,
    deep_thinking,
    strings,
    train,
    vectors,
)

from keras_recur import data, inference
from keras_recur.layers import SharedRecurrentBlock
from keras_recur.losses import IterationLoss
from keras_recur.training import Recipe

RECIPE = Recipe("sgd", 0.1, epochs=2, batch_size=8)


def batches(x=None, y=None):
    """Yield four batches again and again."""
    default = vectors()
    x, y = default[0] if x is None else x, default[1] if y is None else y
    while True:
        for i in range(0, len(x), 8):
            yield x[i : i + 8], y[i : i + 8]


class Endless(keras.utils.PyDataset):
    def __getitem__(self, index):
        x, y = vectors()
        i = index % 4 * 8
        return x[i : i + 8], y[i : i + 8]

    @property
    def num_batches(self):
        return None


def repeated():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(vectors()).batch(8).repeat()


ENDLESS = {"generator": batches, "PyDataset": Endless, "tf.data": repeated}


@pytest.mark.parametrize("kind", ENDLESS)
def test_fit_takes_steps_for_endless_data(kind):
    examples = ENDLESS[kind]()
    with pytest.raises(ValueError, match="no known end.*`steps_per_epoch`.*is needed"):
        train(classifier(), RECIPE, examples)
    finite = data.ArrayDataset(*vectors(), 8)
    with pytest.raises(ValueError, match="`validation_steps`.*is needed"):
        train(classifier(), RECIPE, finite, validation_data=examples)
    expected, model = classifier(), classifier()
    train(expected, RECIPE, finite)
    history = train(
        model,
        RECIPE,
        ENDLESS[kind](),
        validation_data=ENDLESS[kind](),
        steps_per_epoch=4,
        validation_steps=4,
    )
    assert len(history["val_loss"]) == 2
    # Each batch is used once.
    assert_same_weights(expected, model, 1e-6)


@pytest.mark.once
def test_fit_rejects_steps_for_finite_data():
    with pytest.raises(ValueError, match="`steps_per_epoch` is for data without.*take"):
        train(classifier(), RECIPE, data.ArrayDataset(*vectors(), 8), steps_per_epoch=3)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.loop = SharedRecurrentBlock(layers.Dense(4, activation="relu"), 2)
        self.head = layers.Dense(2)

    def call(self, x):
        return self.head(self.loop(x))


def sequential():
    return keras.Sequential(
        [SharedRecurrentBlock(layers.Dense(4, activation="relu"), 2), layers.Dense(2)]
    )


@pytest.mark.parametrize("endless", [False, True], ids=["arrays", "generator"])
@pytest.mark.parametrize("make", [Subclassed, sequential])
def test_fit_builds_model_on_first_batch(make, endless):
    recipe = Recipe("adam", 0.01, epochs=2, batch_size=8, throttle=True)
    model, built = make(), make()
    built(vectors()[0][:1])
    if endless:
        train(model, recipe, batches(), steps_per_epoch=4)
    else:
        train(model, recipe, data.ArrayDataset(*vectors(), 8))
    assert model.optimizer.multipliers == [0.5, 0.5, 1.0, 1.0]
    built.set_weights(model.get_weights())
    x = vectors()[0]
    predictions = model.predict(x, verbose=0)
    np.testing.assert_allclose(predictions, built.predict(x, verbose=0), atol=1e-6)


@pytest.mark.once
def test_fit_rejects_model_that_fails_on_first_batch():
    model = keras.Sequential([layers.Conv2D(2, 3), layers.Flatten()])
    with pytest.raises(ValueError, match="`model` must be built.*keras.Input"):
        train(model, RECIPE, data.ArrayDataset(*vectors(), 8))


def broken(value, where=13):
    x = vectors()[0]
    x[where, 1] = value
    return x


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fit_rejects_inputs_that_are_not_finite(value):
    y = vectors()[1]
    relu = keras.Sequential([keras.Input((4,)), layers.ReLU(), layers.Dense(2)])
    bad = data.ArrayDataset(broken(value), y, 8)
    good = data.ArrayDataset(*vectors(), 8)
    message = "must have finite inputs.*in example 13 of 32"
    with pytest.raises(ValueError, match=f"`data` {message}"):
        train(relu, RECIPE, bad)
    with pytest.raises(ValueError, match=f"`validation_data` {message}"):
        train(relu, RECIPE, good, validation_data=bad)
    with pytest.raises(ValueError, match=f"`validation_data` {message}"):
        train(relu, RECIPE, good, validation_data=(broken(value), y))
    with pytest.raises(ValueError, match="in example 3 of 8"):
        train(relu, RECIPE, batches(broken(value, 3), y), steps_per_epoch=4)
    curriculum = data.Curriculum([good, bad], 1)
    with pytest.raises(ValueError, match=message):
        train(relu, RECIPE, curriculum)


def weighted():
    x, y = vectors()
    while True:
        yield x, y, np.linspace(0, 2, len(y)).astype("float32")


def test_fit_uses_sample_weights():
    model, (x, y, w) = classifier(), next(weighted())
    expected = float(IterationLoss()(y, model.predict(x, verbose=0), w))
    plain = float(IterationLoss()(y, model.predict(x, verbose=0)))
    assert abs(expected - plain) > 1e-3
    still = Recipe("sgd", 1e-9, epochs=1, batch_size=32)
    history = train(model, still, weighted(), steps_per_epoch=1)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


ARRAYS = {
    "tuple": vectors(),
    "array": vectors()[0],
    "nothing": None,
    "name": "mnist",
    "list": [vectors()],
}


@pytest.mark.once
@pytest.mark.parametrize("kind", ARRAYS)
def test_fit_rejects_arrays(kind):
    with pytest.raises(ValueError, match="`data` must give batches.*ArrayDataset"):
        train(classifier(), RECIPE, [] if ARRAYS[kind] is None else ARRAYS[kind])


SEVERAL = {
    "uniform": {"loss_weights": "uniform"},
    "geometric": {"loss_weights": "geometric", "gamma": 2.0},
    "numbers": {"loss_weights": [1.0, 2.0, 3.0]},
    "annealed": {"anneal_from": "uniform", "anneal_epochs": 1},
    "coarse to fine": {"loss_weights": "uniform", "hierarchy": [0, 0]},
}


@pytest.mark.once
@pytest.mark.parametrize("kind", SEVERAL)
def test_fit_rejects_several_readouts_for_single_readout_model(kind):
    recipe = Recipe("sgd", 0.1, epochs=1, batch_size=16, **SEVERAL[kind])
    for model in (deep_thinking(), inference.with_iterations(deep_thinking(), 2)):
        with pytest.raises(ValueError, match="Build the model with readout='all'"):
            train(model, recipe, strings())
    history = train(deep_thinking(readout="all"), recipe, strings())
    assert np.isfinite(history["loss"][0])
