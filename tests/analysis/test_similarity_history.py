"""Similarity recorded in training, and the penalty that raises it."""

import keras
import numpy as np
import pytest
from banked import banks, dense, is_png, nested
from compare import array

from keras_recur.analysis import layer_similarity
from keras_recur.callbacks import SimilarityHistory
from keras_recur.regularizers import RecurrenceRegularizer


def fit(model, *callbacks, steps=2, **options):
    x, y = np.random.default_rng(0).normal(size=(2, 16, 4)).astype("float32")
    x, y = np.tile(x, (steps, 1)), np.tile(y, (steps, 1))
    if not model.compiled:
        model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(x, y, 16, callbacks=list(callbacks), shuffle=False, verbose=0, **options)


class Copies(keras.callbacks.Callback):
    """Record matrices of `layer_similarity` at every epoch."""

    def __init__(self):
        self.found = []

    def on_train_begin(self, logs=None):
        self.found.append(layer_similarity(self.model)["bank"])

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_begin()


def test_similarity_history_records_before_during_and_after():
    histories = SimilarityHistory(every=2), SimilarityHistory(2, "kernels")
    copies = Copies()
    fit(dense(name="bank"), *histories, copies, epochs=5)
    for history in histories:
        assert history.epochs == [0, 2, 4, 5]
        assert list(history.matrices) == ["bank"]
        stacked = np.stack(history.matrices["bank"])
        assert stacked.shape == (4, 4, 4)
        expected = [getattr(copies.found[n], history.space) for n in history.epochs]
        np.testing.assert_array_equal(stacked, expected)
        assert np.abs(np.diff(stacked, axis=0)).max(axis=(1, 2)).min() > 1e-4


def test_similarity_history_continues_counting_epochs():
    history, model = SimilarityHistory(every=2), dense()
    fit(model, history, epochs=2)
    fit(model, history, epochs=3)  # A new `fit` from 0 continues the count.
    fit(model, history, epochs=9, initial_epoch=7)
    fit(model, history, epochs=0)
    assert history.epochs == [0, 2, 4, 5, 7, 8, 9]
    resumed = SimilarityHistory(every=2)
    fit(model, resumed, epochs=9, initial_epoch=7)
    assert resumed.epochs == [7, 8, 9]


def test_similarity_history_plots_heat_maps_and_means(tmp_path):
    history, model = SimilarityHistory(), nested()
    history.set_model(model)
    history.on_train_begin()
    for epoch in range(6):  # Like `fit`, but faster.
        history.on_epoch_begin(epoch)
        for bank in banks(model).values():
            bank.coefficients.assign(array(bank.coefficients) + 0.2)
        history.on_epoch_end(epoch)
    history.on_train_end()
    assert history.epochs == [0, 1, 2, 3, 4, 5, 6]
    assert set(history.matrices) == {"loop/bank_4x4", "inner/loop/bank_4x4"}
    figure = history.plot(tmp_path / "new" / "history.png", columns=3)
    width, height = is_png(tmp_path / "new" / "history.png")
    assert width > height > 300
    panels = [axes for axes in figure.axes if axes.get_title()]
    row = ["epoch 0", "epoch 3", "epoch 6", "mean of all pairs"]
    assert [axes.get_title() for axes in panels] == row * 2
    for first, (name, matrices) in zip((0, 4), history.matrices.items(), strict=True):
        assert panels[first].get_ylabel() == name
        for axes, record in zip(panels[first:], (0, 3, 6), strict=False):
            np.testing.assert_array_equal(axes.images[0].get_array(), matrices[record])
        epochs, means = panels[first + 3].lines[0].get_data()
        pairs = np.triu_indices(4, 1)
        np.testing.assert_allclose(means, [m[pairs].mean() for m in matrices])
        assert list(epochs) == history.epochs
    assert len(history.plot(columns=1).axes) == 2 * 2 + 1


def test_similarity_history_rejects_bad_arguments():
    with pytest.raises(ValueError, match="Nothing was recorded.*model.fit"):
        SimilarityHistory().plot()
    with pytest.raises(ValueError, match="`every`.*positive integer.*0"):
        SimilarityHistory(every=0)
    with pytest.raises(ValueError, match="(?s)`space`.*'kernel'.*'kernels'"):
        SimilarityHistory(space="kernel")
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="has no template bank"):
        fit(plain, SimilarityHistory())


def test_recurrence_regularizer_raises_similarity():
    def mean_similarity(strength):
        penalty = RecurrenceRegularizer(strength) if strength else None
        history = SimilarityHistory()
        fit(dense(templates=4, coefficients_regularizer=penalty), history, steps=100)
        (matrices,) = history.matrices.values()
        return [m[np.triu_indices(len(m), 1)].mean() for m in matrices]

    (start, free), (same, drawn) = mean_similarity(0.0), mean_similarity(0.1)
    assert start == same
    assert free < 0.6 < 0.9 < drawn
