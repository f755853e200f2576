"""Phases of a training: which data set gives the batches of which epoch."""

import keras
import numpy as np
import pytest

from keras_recur import data
from keras_recur.data import ArrayDataset, Curriculum


def phase(value, count=6, **arguments):
    x = np.arange(count, dtype="float32")[:, None] + 100 * value
    return ArrayDataset(x, np.full(count, value), 3, shuffle=True, **arguments)


def targets(curriculum):
    return [set(curriculum[i][1]) for i in range(len(curriculum))]


def test_phases_follow_each_other_and_the_last_one_stays():
    curriculum = Curriculum([phase(0), phase(1)], epochs_per_phase=2)
    found = []
    for epoch in range(6):
        curriculum.epoch = epoch
        found.append(targets(curriculum))
    assert found == [[{0}] * 2] * 2 + [[{1}] * 2] * 4
    with pytest.raises(ValueError, match="`epoch`"):
        curriculum.epoch = -1


def test_an_epoch_is_the_same_whatever_ran_before():
    before = Curriculum([phase(0), phase(1)], 2)
    for epoch in range(4):
        before.epoch = epoch
        last = before[0][0]
    alone = Curriculum([phase(0), phase(1)], 2)
    alone.epoch = 3
    np.testing.assert_array_equal(alone[0][0], last)
    alone.epoch = 2
    assert not np.array_equal(alone[0][0], last)


def test_fit_follows_its_own_count_of_epochs():
    curriculum = Curriculum([phase(0), phase(1)], 1)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append((epoch, curriculum.phase))

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callbacks = [curriculum.epoch_callback(), Look()]
    model.fit(curriculum, epochs=3, initial_epoch=1, callbacks=callbacks, verbose=0)
    assert seen == [(1, 1), (2, 1)]


def test_config_names_all_phases():
    easy, hard = (
        data.load("shortest_paths", size=8, window=w, num_examples=4, batch_size=2)
        for w in (3, 5)
    )
    config = Curriculum([easy, hard], 3).config()
    assert config["epochs_per_phase"] == 3
    assert [p["window"] for p in config["phases"]] == [3, 5]


@pytest.mark.parametrize(
    "phases, epochs, message",
    [
        ([], 1, "one or more data sets"),
        ([phase(0), phase(1, count=9)], 1, "same number of batches"),
        ([phase(0), phase(1, metric="f1")], 1, "same metric"),
        ([phase(0)], 0, "`epochs_per_phase`"),
    ],
)
def test_bad_phases(phases, epochs, message):
    with pytest.raises(ValueError, match=message):
        Curriculum(phases, epochs)
