"""Annealed weights of readouts, in functions that are compiled once."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_recur import data, inference, training, zoo
from keras_recur.callbacks import Annealing
from keras_recur.losses import CoarseToFineLoss, IterationLoss
from keras_recur.losses.annealed_loss import AnnealedLoss
from keras_recur.training import Recipe

STILL = Recipe(
    "sgd",
    1e-9,
    epochs=4,
    batch_size=16,
    anneal_from="uniform",
    anneal_epochs=2,
    loss_weights="final",
)


def strings():
    return data.load("prefix_sums", batch_size=16, size=6, num_examples=32)


def recurrent(seed=0):
    return zoo.build(
        "deep_thinking_1d",
        width=4,
        iterations=3,
        initializer="he_normal",
        readout="all",
        seed=seed,
    ).recurrent


class Weights(keras.callbacks.Callback):
    """Record the weights of some layers before training and after every epoch."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers
        self.found = [self.now()]

    def now(self):
        # JAX writes the values of an epoch back only when they are read.
        return [layer.get_weights()[0].copy() for layer in self.layers]

    def on_epoch_end(self, epoch, logs=None):
        self.found.append(self.now())


def test_annealing_trains_each_readout_only_in_its_epochs(jit):
    """A compiled function with the first weights would still train the first head."""
    inputs = keras.Input((2,))
    heads = [keras.layers.Dense(2, use_bias=False) for _ in range(2)]
    outputs = keras.ops.stack([head(inputs) for head in heads], axis=1)
    model = keras.Model(inputs, outputs)
    x = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
    examples = data.ArrayDataset(x, (x[:, 0] > 0).astype("int32"), 8)
    recipe = Recipe(
        "sgd",
        0.1,
        epochs=4,
        batch_size=8,
        momentum=0.0,
        anneal_from=[1.0, 0.0],
        anneal_epochs=2,
        loss_weights=[0.0, 1.0],
    )
    kept = Weights(heads)
    training.fit(model, recipe, examples, callbacks=[kept], jit_compile=jit, verbose=0)
    moved = [
        [float(np.abs(b - a).max()) > 1e-4 for a, b in zip(*pair, strict=True)]
        for pair in zip(kept.found, kept.found[1:], strict=False)
    ]
    assert moved == [[True, False], [True, True], [False, True], [False, True]]


@pytest.mark.parametrize("hierarchy", [(), (0, 0)], ids=["fine", "coarse to fine"])
def test_annealing_loss_of_each_epoch_follows_its_weights(hierarchy):
    model, examples = recurrent(), strings()
    recipe = dataclasses.replace(STILL, hierarchy=hierarchy)
    held_out = data.load("prefix_sums", "test", batch_size=16, size=6, num_examples=16)
    history = training.fit(model, recipe, examples, held_out, verbose=0)
    x, y = held_out[0]
    logits = model.predict_on_batch(x)

    def loss(weights):
        if hierarchy:
            return CoarseToFineLoss(hierarchy, weights=weights)
        return IterationLoss(weights)

    first, last = (float(loss(w)(y, logits)) for w in ("uniform", "final"))
    assert abs(first - last) > 0.01
    expected = [first, (first + last) / 2, last, last]
    np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-4)
    losses = history["loss"]
    assert losses[1] == pytest.approx((losses[0] + losses[2]) / 2, rel=1e-4)
    assert losses[3] == pytest.approx(losses[2], rel=1e-4)


@pytest.mark.once
def test_annealing_resumed_run_equals_uninterrupted_run(tmp_path):
    recipe = dataclasses.replace(STILL, learning_rate=0.05, anneal_epochs=3)
    whole = recurrent()
    expected = training.fit(whole, recipe, strings(), verbose=0)

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        training.fit(
            recurrent(),
            recipe,
            strings(),
            directory=tmp_path,
            callbacks=[Stop()],
            verbose=0,
        )
    resumed = recurrent(seed=1)
    history = training.fit(resumed, recipe, strings(), directory=tmp_path, verbose=0)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-6)
    for ours, theirs in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-7)
    other = dataclasses.replace(recipe, anneal_epochs=2)
    with pytest.raises(ValueError, match="another configuration"):
        training.fit(recurrent(), other, strings(), directory=tmp_path, verbose=0)


def test_annealing_layer_keeps_outputs():
    model = recurrent()
    annealing = Annealing()
    appended = annealing.append_to(model)
    x = strings()[0][0]
    np.testing.assert_array_equal(
        appended.predict_on_batch(x), model.predict_on_batch(x)
    )
    assert appended.variables == [*model.variables, annealing.share]
    throttled = dataclasses.replace(STILL, throttle=True)
    optimizers = [throttled.make_optimizer(m) for m in (model, appended)]
    assert optimizers[0].multipliers == optimizers[1].multipliers
    assert len(set(optimizers[0].multipliers)) == 2
    half = keras.ops.ones((2, 3), "float16")
    assert keras.backend.standardize_dtype(annealing(half).dtype) == "float16"


def test_annealed_loss_rejects_single_readout():
    model = inference.with_iterations(recurrent(), readout="last")
    with pytest.raises(ValueError, match="Build the model with readout='all'"):
        training.fit(model, STILL, strings(), verbose=0)


def test_recipe_annealed_at_returns_share_of_epoch():
    assert [STILL.annealed_at(epoch) for epoch in range(4)] == [0.0, 0.5, 1.0, 1.0]
    plain = Recipe("sgd", 0.1, epochs=2, batch_size=1)
    assert plain.annealed_at(0) == 1.0
    assert STILL.every_readout and not plain.every_readout
    assert dataclasses.replace(plain, loss_weights="uniform").every_readout


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"anneal_epochs": None}, "Received: anneal_from='uniform' without `anneal_ep"),
        ({"anneal_from": None}, "Received: anneal_epochs=2 without `anneal_from`"),
        ({"anneal_epochs": 0}, "`anneal_epochs` must be a positive integer"),
        ({"anneal_from": "unifrom"}, "Did you mean 'uniform'"),
        ({"anneal_from": "final"}, "must differ from `loss_weights`.*'final' for both"),
        (
            {"anneal_from": [1, 0], "loss_weights": [0, 0, 1]},
            "one number per readout.*Received: 2 and 3",
        ),
        ({"progressive": 0.5}, "anneal_from='uniform' with progressive=0.5"),
    ],
)
def test_recipe_rejects_bad_annealing(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(STILL, **changes)


def test_annealed_loss_config_keeps_share():
    annealing = Annealing()
    loss = annealing.between(CoarseToFineLoss([0, 0]), IterationLoss("final"))
    annealing.share.assign(0.25)
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    y, logits = np.array([1, 0]), np.random.default_rng(0).normal(size=(2, 3, 2))
    assert float(again(y, logits)) == pytest.approx(float(loss(y, logits)), rel=1e-6)
    annealing.share.assign(1.0)
    assert float(again(y, logits)) != pytest.approx(float(loss(y, logits)), rel=1e-3)


@pytest.mark.once
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Annealing().between("uniform", IterationLoss()), "`start` must be"),
        (lambda: Annealing().between(IterationLoss(), None), "`end` must be"),
        (lambda: AnnealedLoss(IterationLoss(), IterationLoss(), 2), "`share` must"),
        (lambda: Annealing().append_to("model"), "`model` must be a Keras model"),
    ],
)
def test_annealed_loss_rejects_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
