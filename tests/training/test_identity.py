"""A folder belongs to one recipe, model, set of trained weights, and data."""

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from training_networks import (
    RECIPE,
    Stop,
    assert_same_weights,
    classifier,
    deep_thinking,
    plain,
    strings,
    train,
    vectors,
)

from keras_recur import data, zoo
from keras_recur.callbacks import Checkpoint
from keras_recur.inference import with_readout_policy
from keras_recur.layers import SharedRecurrentBlock
from keras_recur.training import Recipe
from keras_recur.training._identity import identity

KEPT = Path(__file__).parent / "kept"
ONE = Recipe("adam", 0.01, epochs=1, batch_size=8)


def looped(iterations=2, activation="relu", rate=0.1, depth=1, **loop):
    """Return a model with a loop, nested `depth` models deep."""
    block = keras.Sequential(
        [layers.Dense(4, activation=activation), layers.Dropout(rate)]
    )
    inputs = keras.Input((4,))
    x = SharedRecurrentBlock(block, iterations, **loop)(inputs)
    model = keras.Model(inputs, layers.Dense(2)(x))
    for _ in range(depth - 1):
        inputs = keras.Input((4,))
        model = keras.Model(inputs, model(layers.Rescaling(2.0)(inputs)))
    return model


def dataset(x=None, y=None, **arguments):
    arrays = vectors()
    x, y = arrays[0] if x is None else x, arrays[1] if y is None else y
    return data.ArrayDataset(x, y, 8, **arguments)


def frozen():
    model = looped()
    model.layers[1].trainable = False
    return model


def other_labels():
    x, y = vectors()
    return dataset(x, np.where(np.arange(len(y)) == 17, 1 - y, y))


class Double:
    def __call__(self, x, y, rng):
        return 2 * x, y


OTHERS = {
    "iterations": (lambda: looped(3), dataset, "the model"),
    "iterations, nested": (lambda: looped(3, depth=3), dataset, "the model"),
    "sharing": (lambda: looped(2, sharing="none"), dataset, "the model"),
    "injection": (lambda: looped(2, injection="add"), dataset, "the model"),
    "activation": (lambda: looped(activation="tanh"), dataset, "the model"),
    "rate of dropout": (lambda: looped(rate=0.2), dataset, "the model"),
    "frozen": (frozen, dataset, "which weights are trained differs"),
    "inputs": (looped, lambda: dataset(vectors()[0] + 1), "the data differs"),
    "one label": (looped, other_labels, "the data differs"),
    "type": (looped, lambda: dataset(vectors()[0].astype("float64")), "the data"),
    "transform": (looped, lambda: dataset(transform=Double()), "the data differs"),
}


@pytest.mark.once
@pytest.mark.parametrize("other", OTHERS)
def test_checkpoint_rejects_folder_of_other_run(other, tmp_path):
    make, load, message = OTHERS[other]
    depth = 3 if "nested" in other else 1
    train(looped(depth=depth), ONE, dataset(), directory=tmp_path)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    with pytest.raises(ValueError, match=f"another configuration: .*{message}"):
        train(make(), ONE, load(), directory=tmp_path)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


@pytest.mark.once
def test_checkpoint_error_names_data_and_recipe_fields(tmp_path):
    train(looped(), ONE, dataset(), validation_data=vectors(), directory=tmp_path)
    recipe = dataclasses.replace(ONE, learning_rate=0.02, clip_norm=1.0)
    message = r"the recipe \(learning_rate, clip_norm\) and the validation data differ"
    x, y = vectors()
    with pytest.raises(ValueError, match=message):
        train(
            looped(), recipe, dataset(), validation_data=(x, 1 - y), directory=tmp_path
        )


SAME = {
    "names": lambda: (layers.Dense(3), looped())[1],
    "unrolled": lambda: looped(unroll=False),
    "nested": lambda: looped(depth=2),
}


@pytest.mark.once
@pytest.mark.parametrize("same", SAME)
def test_identity_ignores_what_changes_no_result(same, tmp_path, monkeypatch):
    depth = 2 if same == "nested" else 1
    expected = train(looped(depth=depth), ONE, dataset(), directory=tmp_path / "a")
    shutil.move(tmp_path / "a", tmp_path / "b")
    monkeypatch.setattr(keras.Model, "fit", None)
    history = train(SAME[same](), ONE, dataset(), directory=tmp_path / "b")
    assert history == expected


def test_checkpoint_rejects_layer_frozen_between_sessions(tmp_path):
    recipe = dataclasses.replace(ONE, epochs=2)
    stop = Stop(KeyboardInterrupt(), 1, 0)
    with pytest.raises(KeyboardInterrupt):
        train(looped(), recipe, dataset(), directory=tmp_path, callbacks=[stop])
    with pytest.raises(ValueError, match="which weights are trained differs"):
        train(frozen(), recipe, dataset(), directory=tmp_path)


KINDS = {
    "progressive": ({"progressive": 0.5}, {"injection": "concat"}),
    "annealed": ({"anneal_from": "uniform", "anneal_epochs": 2}, {"readout": "all"}),
}


@pytest.mark.once
def test_fit_resumes_checkpoint_without_fields_of_this_version(tmp_path, monkeypatch):
    expected = train(looped(), ONE, dataset(), directory=tmp_path)
    path = tmp_path / "checkpoint.npz"
    with np.load(path) as file:
        arrays = dict(file)
    meta = json.loads(str(arrays["meta"]))
    del meta["fingerprint"]["the recipe"]["progressive_depth"]
    np.savez(path, **arrays | {"meta": np.array(json.dumps(meta))})
    monkeypatch.setattr(keras.Model, "fit", None)
    assert train(looped(), ONE, dataset(), directory=tmp_path) == expected
    deeper = dataclasses.replace(ONE, progressive=1.0, progressive_depth="uniform")
    with pytest.raises(ValueError, match=r"\(progressive, progressive_depth\) differs"):
        train(looped(), deeper, dataset(), directory=tmp_path)


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS)
def test_fit_resumes_checkpoint_of_older_version(kind, tmp_path):
    """The files hold runs that were interrupted after two of three epochs."""
    shutil.copy(KEPT / f"{kind}-0.1.npz", tmp_path / "checkpoint.npz")
    fields, options = KINDS[kind]
    recipe = dataclasses.replace(RECIPE, throttle=True, weight_decay=1e-4, **fields)
    arguments = {"validation_data": strings()}
    whole, resumed = deep_thinking(1, **options), deep_thinking(2, **options)
    expected = train(whole, recipe, **arguments)
    history = train(resumed, recipe, directory=tmp_path, **arguments)
    for key in ("loss", "val_loss", "learning_rate"):
        np.testing.assert_allclose(history[key], expected[key], rtol=1e-6)
    assert_same_weights(whole, resumed)
    other = dataclasses.replace(recipe, learning_rate=1.0)
    shutil.copy(KEPT / f"{kind}-0.1.npz", tmp_path / "checkpoint.npz")
    with pytest.raises(ValueError, match="another configuration: model, recipe or"):
        train(deep_thinking(**options), other, directory=tmp_path, **arguments)


# Hashes that version 0.1.0 wrote for models whose names have changed.
EARLIER_MODELS = {
    "template bank": (
        lambda: (
            zoo.build(
                "mlp",
                input_shape=(3, 3, 1),
                width=4,
                templates=2,
                recurrence_penalty=0.01,
            ).recurrent
        ),
        "bd0bc549efe8bb17363bd3f467846972979dd425a02bf6246d443db6610be1eb",
    ),
    "readout policy": (
        lambda: with_readout_policy(
            zoo.build("deep_thinking_1d", width=8, iterations=3).recurrent, "mean"
        ),
        "7d75e59f8cd34b7dcb82da49747a4658b1ea89a7e89f264ca7c17b0e29525fc1",
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("kind", EARLIER_MODELS)
def test_identity_of_a_model_is_that_of_version_0_1(kind):
    make, expected = EARLIER_MODELS[kind]
    assert identity(make(), RECIPE, None, None, None)["the model"] == expected


@pytest.mark.once
def test_checkpoint_accepts_earlier_names_of_recipe_fields(tmp_path, monkeypatch):
    expected = train(looped(), ONE, dataset(), directory=tmp_path)
    path = tmp_path / "checkpoint.npz"
    with np.load(path) as file:
        arrays = dict(file)
    meta = str(arrays["meta"]).replace('"coarse_to_fine"', '"ramp"')
    np.savez(path, **{**arrays, "meta": np.array(meta)})
    monkeypatch.setattr(keras.Model, "fit", None)
    assert train(looped(), ONE, dataset(), directory=tmp_path) == expected


def test_fit_expands_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    train(classifier(), ONE, dataset(), directory="~/runs/one")
    assert (tmp_path / "home/runs/one/checkpoint.npz").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.once
def test_fit_rejects_folder_locked_by_other_process(tmp_path):
    from keras_recur._files import locked

    with locked(tmp_path), pytest.raises(ValueError, match="Another process"):
        train(plain(), directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"directory": 3}, "`directory` must be a path"),
        ({"model": "mlp"}, "`model` must be a compiled Keras model"),
        ({"model": keras.Sequential()}, "`model` must be compiled"),
        ({"history": []}, "`history` must be a dictionary of lists"),
        ({"fingerprint": None}, "`fingerprint` must be a string or a dictionary"),
    ],
)
def test_checkpoint_rejects_bad_arguments(changes, message, tmp_path):
    model = looped()
    model.compile("sgd", "mse")
    good = {"directory": tmp_path, "model": model, "history": {}, "fingerprint": "a"}
    with pytest.raises(ValueError, match=message):
        Checkpoint(**{**good, **changes})
