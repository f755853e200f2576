"""Callbacks of `fit` see the given model, and their state is resumed."""

import dataclasses

import keras
import numpy as np
import pytest
from training_networks import (
    RECIPE,
    Stop,
    assert_same_weights,
    classifier,
    deep_thinking,
    plain,
    strings,
    train,
)

from keras_recur import inference, metrics
from keras_recur.layers import SharedRecurrentBlock
from keras_recur.losses import IterationLoss
from keras_recur.training import Recipe

ONCE = dataclasses.replace(RECIPE, epochs=1, milestones=())
RECIPES = {
    "plain": ({}, {}),
    "progressive": ({"progressive": 1.0}, {}),
    "mixed": ({"progressive": 0.5}, {"injection": "concat"}),
    "annealed": (
        {"anneal_from": "uniform", "anneal_epochs": 2, "epochs": 2},
        {"readout": "all"},
    ),
    "uniform": ({"loss_weights": "uniform"}, {"readout": "all"}),
}


@pytest.mark.parametrize("kind", RECIPES)
def test_fit_shows_given_model_to_callbacks_files_and_evaluate(kind, tmp_path):
    fields, options = RECIPES[kind]
    model = deep_thinking(**options)
    seen, path = [], tmp_path / "model.keras"

    def look(epoch, logs):
        seen.append(epoch)
        assert look.model.model is model
        # Also in training mode, outside of a step.
        x = strings()[0][0]
        assert model(x, training=True).shape == model(x).shape

    look.model = keras.callbacks.LambdaCallback(on_epoch_end=look)
    keep = keras.callbacks.ModelCheckpoint(path)
    recipe = dataclasses.replace(ONCE, **fields)
    history = train(
        model, recipe, validation_data=strings(), callbacks=[look.model, keep]
    )
    assert seen == list(range(recipe.epochs))

    x, y = strings(batch_size=32)[0]
    expected = model.predict(x, verbose=0)
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, atol=1e-5)
    scores = model.evaluate(strings(), verbose=0)
    assert len(scores) == 2
    last = [history["val_loss"][-1], history["val_accuracy"][-1]]
    np.testing.assert_allclose(scores, last, rtol=1e-4)
    np.testing.assert_allclose(loaded.evaluate(strings(), verbose=0), scores, 1e-4)
    assert len(model.variables) == len(deep_thinking(**options).variables)
    # Keras continues training with the compiled loss.
    model.fit(x, y, verbose=0)


def test_progressive_loss_includes_layer_losses_and_sample_weights():
    """The total is what Keras computes from layer losses and sample weights."""
    keras.utils.set_random_seed(0)
    block = keras.Sequential([keras.layers.Dense(4, kernel_regularizer="l2")])
    inputs = keras.Input((4,))
    hidden = SharedRecurrentBlock(block, 2)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    y, w = np.arange(8) % 2, np.linspace(0, 1, 8).astype("float32")
    # With one iteration, both losses are the same.
    one = inference.with_iterations(model, 1)
    recipe = Recipe("sgd", 1e-9, epochs=1, batch_size=8, progressive=0.5)

    def batches():
        yield x, y, w

    found = [IterationLoss()(y, one.predict(x, verbose=0), w), *one.losses]
    expected = sum(float(keras.ops.convert_to_numpy(part)) for part in found)
    history = train(one, recipe, batches(), steps_per_epoch=1)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-4)


class Rates(keras.callbacks.Callback):
    """Record the learning rate of every step."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_begin(self, batch, logs=None):
        rate = self.model.optimizer.learning_rate
        self.steps.append(float(keras.ops.convert_to_numpy(rate)))


def plateau():
    return keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=2, min_delta=100.0
    )


MASTERS = {
    "nobody": (lambda: [], [1, 1, 0.1, 0.1, 0.1, 0.1]),
    "plateau": (lambda: [plateau()], [1, 1, 0.1, 0.05, 0.05, 0.025]),
    "scheduler": (
        lambda: [keras.callbacks.LearningRateScheduler(lambda epoch: 0.02 / 2**epoch)],
        [2.0 / 2**epoch for epoch in range(6)],
    ),
    "relative scheduler": (
        lambda: [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)],
        [0.5, 0.25, 0.0125, 0.00625, 0.003125, 0.0015625],
    ),
}


@pytest.mark.parametrize("master", MASTERS)
def test_history_holds_used_learning_rate(master):
    callbacks, expected = MASTERS[master]
    rates = Rates()
    recipe = dataclasses.replace(RECIPE, epochs=6, milestones=(2,))
    history = train(plain(), recipe, callbacks=[*callbacks(), rates])
    np.testing.assert_allclose(rates.steps[::2], 0.01 * np.array(expected), rtol=1e-5)
    np.testing.assert_allclose(history["learning_rate"], rates.steps[::2], rtol=1e-6)


@pytest.mark.parametrize("stopped", [2, 3])
@pytest.mark.parametrize("within", [None, 1], ids=["at the end", "within"])
def test_checkpoint_restores_keras_callbacks(stopped, within, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=6)

    def callbacks(name):
        return [
            plateau(),
            keras.callbacks.EarlyStopping(
                "loss", min_delta=10.0, patience=4, restore_best_weights=True
            ),
            keras.callbacks.ModelCheckpoint(
                tmp_path / f"{name}.keras",
                monitor="loss",
                mode="max",
                save_best_only=True,
            ),
        ]

    whole = plain()
    expected = train(whole, recipe, callbacks=callbacks("whole"))
    assert len(expected["loss"]) == 5
    stop = Stop(KeyboardInterrupt(), stopped, within)
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(plain(), recipe, directory=folder, callbacks=[*callbacks("run"), stop])
    resumed = plain(seed=1)
    history = train(resumed, recipe, directory=folder, callbacks=callbacks("run"))
    for key in ("loss", "learning_rate"):
        np.testing.assert_allclose(history[key], expected[key], rtol=1e-6)
    assert_same_weights(whole, resumed)
    kept = [keras.saving.load_model(tmp_path / f"{n}.keras") for n in ("whole", "run")]
    assert_same_weights(*kept)


def test_resumed_run_restores_best_weights_of_bfloat16(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    recipe = dataclasses.replace(RECIPE, epochs=4)

    def first_is_best():
        return keras.callbacks.EarlyStopping(
            "loss", min_delta=10.0, patience=9, restore_best_weights=True
        )

    whole = plain()
    train(whole, recipe, callbacks=[first_is_best()])
    stop = Stop(KeyboardInterrupt(), 2)
    with pytest.raises(KeyboardInterrupt):
        train(plain(), recipe, directory=tmp_path, callbacks=[first_is_best(), stop])
    for _ in range(2):  # The second time, the run has ended.
        resumed = plain(seed=1)
        train(resumed, recipe, directory=tmp_path, callbacks=[first_is_best()])
        assert_same_weights(whole, resumed, tolerance=0)


@pytest.mark.once
@pytest.mark.parametrize("metric", [metrics.ExactMatch, metrics.PositiveF1])
def test_callbacks_know_that_a_higher_score_is_better(metric, tmp_path):
    x, y = strings(batch_size=32)[0]
    model = plain()
    model.compile("sgd", IterationLoss("final"), metrics=[metric()])
    name = f"val_{metric().name}"
    callbacks = [
        keras.callbacks.EarlyStopping(name, patience=9),
        keras.callbacks.ReduceLROnPlateau(name, patience=9, min_delta=0),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "best.keras", monitor=name, save_best_only=True
        ),
    ]
    kept = dict(validation_data=(x, y), callbacks=callbacks, epochs=3, verbose=0)
    found = model.fit(x, y, **kept).history[name]
    assert [callback.best for callback in callbacks] == [max(found)] * 3


def stop_after_two():
    def stop(epoch, logs):
        if epoch == 1:
            ending.model.stop_training = True

    ending = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    return ending


ENDINGS = {
    "best weights": lambda: keras.callbacks.EarlyStopping(
        "loss", min_delta=10.0, restore_best_weights=True
    ),
    "last weights": lambda: keras.callbacks.EarlyStopping("loss", min_delta=10.0),
    "own callback": stop_after_two,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_fit_treats_run_ended_by_callback_as_finished(ending, tmp_path, monkeypatch):
    recipe = dataclasses.replace(RECIPE, epochs=8)
    first = plain()
    expected = train(first, recipe, directory=tmp_path, callbacks=[ENDINGS[ending]()])
    assert len(expected["loss"]) == 2
    monkeypatch.setattr(keras.Model, "fit", None)
    for callbacks in ([ENDINGS[ending]()], []):
        again = plain(seed=1)
        history = train(again, recipe, directory=tmp_path, callbacks=callbacks)
        assert history == expected
        assert_same_weights(first, again, tolerance=0)
        assert again.compiled


def test_checkpoint_keeps_weights_changed_at_train_end(tmp_path):
    def end(logs):
        ending.model.set_weights([np.ones_like(w) for w in ending.model.get_weights()])

    ending = keras.callbacks.LambdaCallback(on_train_end=end)
    train(plain(), ONCE, directory=tmp_path, callbacks=[ending])
    again = plain()
    train(again, ONCE, directory=tmp_path)
    assert all((w == 1).all() for w in again.get_weights())


def test_fit_works_with_keras_loggers(tmp_path):
    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
        keras.callbacks.History(),
    ]
    history = train(plain(), callbacks=callbacks)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    assert callbacks[-1].history["loss"] == pytest.approx(history["loss"])


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"callbacks": keras.callbacks.Callback}, "`callbacks` must be a list"),
        ({"callbacks": ["early"]}, r"`callbacks\[0\]` must be a Keras callback"),
        ({"verbose": "loud"}, "`verbose`"),
        ({"jit_compile": 2}, "`jit_compile`"),
        ({"recipe": {"epochs": 1}}, "`recipe` must be a keras_recur.training.Recipe"),
        ({"model": "mlp"}, "`model` must be a Keras model"),
        ({"directory": 3}, "`directory` must be a path"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch` must be a positive integer"),
        ({"validation_steps": 1.5}, "`validation_steps` must be a positive integer"),
        ({"steps_per_execution": 0}, "`steps_per_execution` must be a positive"),
    ],
)
def test_fit_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        train(**{"model": classifier(), **arguments})
