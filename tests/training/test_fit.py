"""`fit` resumes interrupted runs to the same result and loses no finished epoch."""

import dataclasses
import errno
import os

import keras
import numpy as np
import pytest
from keras import ops
from training_networks import RECIPE, Stop, deep_thinking, plain, strings, train

from keras_recur import inference
from keras_recur._files import replacing
from keras_recur.losses import IterationLoss
from keras_recur.training import Recipe, TrainingDiverged


@pytest.mark.parametrize(
    ("progressive", "stop"),
    [
        (0.5, Stop(KeyboardInterrupt(), 1, batch=1)),
        pytest.param(1.0, Stop(RuntimeError("power cut"), 1), marks=pytest.mark.once),
        pytest.param(
            0.0, Stop(KeyboardInterrupt(), 0, batch=0), marks=pytest.mark.once
        ),
    ],
    ids=["within epoch 2", "behind epoch 2", "before anything is kept"],
)
def test_fit_resumed_run_equals_uninterrupted_run(progressive, stop, tmp_path):
    recipe = dataclasses.replace(RECIPE, progressive=progressive)
    whole = deep_thinking()
    expected = train(whole, recipe)

    with pytest.raises(type(stop.error)):
        train(deep_thinking(), recipe, directory=tmp_path, callbacks=[stop])
    kept = (tmp_path / "checkpoint.npz").exists()
    assert kept == (stop.epoch > 0)
    # Another process would start from other weights, without a seed.
    resumed = deep_thinking(seed=2 if kept else 1)
    history = train(resumed, recipe, directory=tmp_path)
    for ours, theirs in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-7)
    assert len(history["seconds"]) == 3
    for key in ("loss", "accuracy", "learning_rate"):
        np.testing.assert_allclose(history[key], expected[key], 1e-6)


@pytest.fixture
def finished(tmp_path):
    """Return a folder with a finished run, its weights and its history."""
    model = plain()
    history = train(model, directory=tmp_path)
    return tmp_path, model.get_weights(), history


def test_fit_returns_history(finished):
    _, _, history = finished
    assert set(history) == {"loss", "accuracy", "learning_rate", "seconds"}
    np.testing.assert_allclose(history["learning_rate"], [0.01, 0.001, 0.001])
    assert all(len(values) == 3 for values in history.values())


def test_fit_returns_finished_run_at_once(finished, monkeypatch):
    folder, weights, history = finished
    monkeypatch.setattr(keras.Model, "fit", None)
    model = plain()
    model.set_weights([w + 1 for w in model.get_weights()])
    assert train(model, directory=folder) == history
    for ours, theirs in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(theirs, ours)


OTHERS = {
    "recipe": {"recipe": dataclasses.replace(RECIPE, learning_rate=0.02)},
    "epochs": {"recipe": dataclasses.replace(RECIPE, epochs=2)},
    "data": {"dataset": {"num_examples": 48}},
    "seed of the data": {"dataset": {"seed": 1}},
    "model": {"units": 3},
}


@pytest.mark.once
@pytest.mark.parametrize("other", OTHERS)
def test_fit_rejects_folder_of_other_recipe(other, finished):
    folder, *_ = finished
    before = (folder / "checkpoint.npz").read_bytes()
    arguments = dict(OTHERS[other])
    model = plain(arguments.pop("units", 2))
    dataset = strings(**arguments.pop("dataset", {}))
    with pytest.raises(ValueError, match="another configuration.*Nothing was over"):
        train(model, dataset=dataset, directory=folder, **arguments)
    assert (folder / "checkpoint.npz").read_bytes() == before


def test_fit_rejects_folder_of_other_iterations(tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=1)
    train(deep_thinking(iterations=1), recipe, directory=tmp_path)
    with pytest.raises(ValueError, match="another configuration"):
        train(deep_thinking(iterations=2), recipe, directory=tmp_path)


@pytest.mark.once
@pytest.mark.parametrize("left", [0, 100, -40], ids=["empty", "begun", "cut off"])
def test_checkpoint_rejects_truncated_file(left, finished):
    path = finished[0] / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match="checkpoint.npz is damaged.*Remove it"):
        train(plain(), directory=finished[0])


def test_fit_stops_at_nan_loss_and_names_epoch(tmp_path):
    recipe = dataclasses.replace(RECIPE, milestones=(2,), decay=1e38)
    with pytest.raises(TrainingDiverged, match="epoch 3 of 3. The 2 finished epochs"):
        train(deep_thinking(), recipe, directory=tmp_path)
    seen = []

    def look(epoch, logs):
        seen.append(epoch)

    again = keras.callbacks.LambdaCallback(on_epoch_begin=look)
    with pytest.raises(TrainingDiverged):
        train(deep_thinking(), recipe, directory=tmp_path, callbacks=[again])
    assert seen == [2]


@pytest.mark.once
def test_fit_removes_what_a_killed_process_wrote_of_a_checkpoint(tmp_path):
    kept = tmp_path / "another.0123abcd.partial"
    for path in (tmp_path / "checkpoint.npz.0123abcd.partial", kept):
        path.write_bytes(b"half")
    train(plain(), directory=tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint.npz", kept.name}


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.once
@pytest.mark.parametrize("where", [(os, "replace"), (os, "fsync"), (np, "savez")])
def test_checkpoint_survives_full_disk(where, tmp_path, monkeypatch):
    def fill(epoch, logs):
        if epoch == 1:
            kept.append((tmp_path / "checkpoint.npz").read_bytes())
            monkeypatch.setattr(*where, full_disk)

    kept = []
    filling = keras.callbacks.LambdaCallback(on_epoch_begin=fill)
    with pytest.raises(OSError, match="No space left"):
        train(plain(), directory=tmp_path, callbacks=[filling])
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]
    assert (tmp_path / "checkpoint.npz").read_bytes() == kept[0]
    monkeypatch.undo()
    assert len(train(plain(), directory=tmp_path)["loss"]) == 3


def test_replacing_keeps_old_file_after_partial_write(tmp_path):
    path = tmp_path / "deep" / "file"
    with replacing(path) as file:
        file.write(b"whole")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_fit_trains_plain_model_twice():
    model = plain()
    first = train(model)["loss"]
    assert train(model)["loss"][-1] < first[0]


def test_fit_learns_and_validates():
    model = plain()
    history = train(model, validation_data=strings(split="test"))
    assert history["loss"][-1] < history["loss"][0]
    x, y = strings(split="test", batch_size=32)[0]
    expected = float(IterationLoss()(y, model.predict(x, verbose=0)))
    assert history["val_loss"][-1] == pytest.approx(expected, rel=1e-4)
    assert len(history["val_accuracy"]) == 3


@pytest.mark.parametrize(("alpha", "depth"), [(0.25, 0), (0.25, 2), (1.0, 0)])
def test_progressive_loss_mixes_with_full_run(alpha, depth, monkeypatch):
    model = deep_thinking(iterations=4, injection="concat")
    for _ in range(depth):  # Nested in another model.
        inputs = keras.Input(model.input_shape[1:])
        model = keras.Model(inputs, model(inputs))
    dataset = strings(num_examples=16)
    x, y = dataset[0]
    losses = {}
    for iterations in (3, 4):
        logits = inference.with_iterations(model, iterations).predict(x, verbose=0)
        losses[iterations] = float(IterationLoss()(y, logits))
    assert abs(losses[3] - losses[4]) > 1e-3

    def draws(shape, **kwargs):
        # n = floor(0.3 * 4) = 1 without gradient, then k = 1 + floor(0.4 * 3) = 2 with.
        return ops.convert_to_tensor(np.array([0.3, 0.4], "float32"))

    monkeypatch.setattr(keras.random, "uniform", draws)
    recipe = Recipe("sgd", 1e-9, epochs=1, batch_size=16, progressive=alpha)
    history = train(model, recipe, dataset, validation_data=dataset)
    expected = (1 - alpha) * losses[4] + alpha * losses[3]
    assert history["loss"][0] == pytest.approx(expected, rel=1e-4)
    # Validation runs all iterations for any alpha.
    assert history["val_loss"][0] == pytest.approx(losses[4], rel=1e-4)
