"""Data without the autotuning of `tf.data`, which `fit` waits for on TensorFlow."""

import dataclasses
import sys

import keras
import numpy as np
import pytest
from keras.src.trainers.data_adapters import get_data_adapter
from training_networks import (
    RECIPE,
    assert_same_weights,
    deep_thinking,
    strings,
    train,
    vectors,
)

from keras_recur import data, training
from keras_recur._keras import untuned
from keras_recur.training import ReplayedData

on_tensorflow = pytest.mark.once("tensorflow")


def adapter_of(given, steps=None):
    """The adapter from which `fit` reads its batches."""
    x, y, weights = keras.utils.unpack_x_y_sample_weight(given)
    return get_data_adapter(x, y, weights, steps_per_epoch=steps)


def is_tuned(given):
    options = adapter_of(given).get_tf_dataset().options()
    return options.autotune.enabled is not False


@on_tensorflow
@pytest.mark.parametrize("kind", ["ArrayDataset", "ReplayedData", "arrays"])
def test_untuned_data_give_the_same_batches(kind):
    given = vectors(20)
    if kind != "arrays":
        given = data.ArrayDataset(*given, 8, shuffle=True)
    if kind == "ReplayedData":
        given = ReplayedData(given, first_step=0)
    steps = 3 if kind == "arrays" else None
    read = []
    for one in (untuned(given, steps), given):
        adapter = adapter_of(one, steps)
        pipeline = adapter.get_tf_dataset()
        adapter.on_epoch_begin()
        read.append(list(pipeline.as_numpy_iterator()))
    ours, theirs = read
    assert len(ours) == 3
    keras.tree.map_structure(np.testing.assert_array_equal, ours, theirs)


@on_tensorflow
def test_untuned_leaves_other_data_as_they_are():
    import tensorflow as tf

    pipeline = tf.data.Dataset.from_tensor_slices(vectors()).batch(8)
    for given in (pipeline, iter(pipeline), None):
        assert untuned(given) is given


@on_tensorflow
@pytest.mark.parametrize("changes", [{}, {"replay": 0.5, "replay_from": 0}])
def test_fit_on_untuned_data_learns_the_same(changes, monkeypatch):
    passed = []
    fit = keras.Model.fit

    def record(model, x, validation_data=None, **arguments):
        passed.append([x, validation_data])
        return fit(model, x, validation_data=validation_data, **arguments)

    monkeypatch.setattr(keras.Model, "fit", record)
    recipe = dataclasses.replace(RECIPE, **changes)
    models, histories = [], []
    for _ in range(2):
        models.append(deep_thinking(injection="concat"))
        x = strings(shuffle=True)
        history = train(models[-1], recipe, x, validation_data=(x.x, x.y))
        histories.append({k: v for k, v in history.items() if k != "seconds"})
        monkeypatch.setattr(
            sys.modules[training.fit.__module__], "untuned", lambda d, *_: d
        )
    assert [[is_tuned(one) for one in each] for each in passed] == [
        [False, False],
        [True, True],
    ]
    assert histories[0] == histories[1]
    assert_same_weights(*models, tolerance=0)


def test_untuned_wraps_data_on_tensorflow_alone():
    batches = data.ArrayDataset(*vectors(), 8)
    wrapped = keras.backend.backend() == "tensorflow"
    assert (untuned(batches) is not batches) == wrapped
