"""Invalid labels are rejected by all functions, in every form of data."""

import keras
import numpy as np
import pytest

from keras_recur import analysis, data, inference, training, zoo
from keras_recur._labels import label_place
from keras_recur.losses import CoarseToFineLoss, IterationLoss
from keras_recur.losses.annealed_loss import AnnealedLoss
from keras_recur.metrics import ExactMatch, PositiveF1

CLASSES = 4
COUNT = 24
RECIPE = training.Recipe("adam", 1e-3, epochs=1, batch_size=8)
X = np.random.default_rng(0).normal(size=(COUNT, 4, 4, 1)).astype("float32")
Y = np.arange(COUNT) % CLASSES


def network(iterations=2, num_classes=CLASSES, **arguments):
    shape = {"input_shape": (4, 4, 1), "num_classes": num_classes}
    pair = zoo.build("mlp", **shape, width=4, iterations=iterations, **arguments)
    return pair.recurrent


def last(value):
    y = Y.astype(type(value))
    y[3] = value  # In the first batch, the only one checked in streams.
    return y


RIGHT = {
    "int64": Y,
    "uint8": Y.astype("uint8"),
    "whole floats": Y.astype("float64"),
    "column": Y[:, None],
    "two classes as booleans": Y > 1,
    "not scored": np.where(Y == 0, -1, Y),
}
WRONG = {
    "one-hot": (np.eye(CLASSES)[Y], "one-hot"),
    "above the classes": (last(CLASSES), f"label {CLASSES}"),
    "from 1": (1 + Y, "Subtract 1"),
    "fractions": (last(0.7), "label 0.7"),
    "NaN": (last(float("nan")), "label nan"),
    "infinite": (last(float("inf")), "label inf"),
    "text": (np.array(list("abcd"))[Y], "class numbers|array of numbers"),
    "objects": (np.array([None, *Y[1:]], object), "class numbers|array of numbers"),
    "two per example": (np.stack([Y, Y], 1), "a label for every answer"),
}


class Batches(keras.utils.PyDataset):
    def __init__(self, y):
        super().__init__()
        self.y = y

    def __len__(self):
        return COUNT // 8

    def __getitem__(self, i):
        rows = slice(8 * i, 8 * i + 8)
        return X[rows], self.y[rows]


def tf_data(y):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, y)).batch(8)


def loader(y):
    import torch

    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    return torch.utils.data.DataLoader(pairs, batch_size=8)


def generator(y):
    parts = Batches(y)
    return (parts[i] for i in range(len(parts)))


def arrays(y):
    return data.ArrayDataset(X, y, 8)


FORMS = {f.__name__: f for f in (arrays, Batches, tf_data, loader, generator)}
TENSORS = ("tf_data", "loader")  # These cannot hold text.


@pytest.mark.once
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", WRONG)
def test_fit_rejects_invalid_labels(form, case):
    y, message = WRONG[case]
    if form in TENSORS and y.dtype.kind in "UO":
        pytest.skip("holds no text")
    steps = 3 if form == "generator" else None
    with pytest.raises(ValueError, match=message):
        training.fit(
            network(), RECIPE, FORMS[form](y), steps_per_epoch=steps, verbose=0
        )
    with pytest.raises(ValueError, match=message):
        training.fit(
            network(),
            RECIPE,
            arrays(Y),
            FORMS[form](y),
            validation_steps=steps,
            verbose=0,
        )


@pytest.mark.parametrize("case", RIGHT)
def test_fit_accepts_labels_of_any_dtype(case):
    y = RIGHT[case]
    losses = []
    for labels in (y, np.squeeze(y).astype("int32")):
        keras.utils.set_random_seed(0)
        model = network(seed=0)
        history = training.fit(model, RECIPE, arrays(labels), arrays(labels), verbose=0)
        curve = analysis.iteration_curve(model, arrays(labels))
        metrics = analysis.iteration_metrics(model, [(X, labels)])
        np.testing.assert_array_equal(curve, metrics.accuracy)
        assert history["val_accuracy"][-1] == pytest.approx(curve[-1])
        losses.append(history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_fit_trains_on_all_batches_of_generator():
    seen = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    training.fit(
        network(),
        RECIPE,
        generator(Y),
        callbacks=[Count()],
        steps_per_epoch=3,
        verbose=0,
    )
    assert len(seen) == 3


@pytest.mark.once
def test_fit_rejects_one_hot_labels_that_look_like_strings():
    every = network(iterations=CLASSES, readout="all")
    one_hot = np.eye(CLASSES)[Y]
    uniform = training.Recipe("adam", 1e-3, 1, 8, loss_weights="uniform")
    for labels in (one_hot, one_hot.astype(int)):
        with pytest.raises(ValueError, match="one-hot"):
            training.fit(every, uniform, arrays(labels), verbose=0)
        for score in (ExactMatch(), PositiveF1(), IterationLoss("uniform")):
            run = getattr(score, "update_state", score)
            with pytest.raises(ValueError, match="one-hot"):
                run(labels, np.zeros((COUNT, CLASSES, CLASSES), "float32"))
        with pytest.raises(ValueError, match="one-hot"):
            data.ArrayDataset(X, labels, num_classes=CLASSES)


@pytest.mark.once
def test_fit_rejects_one_label_per_example_for_positions():
    strings = zoo.build("deep_thinking_1d", width=4, iterations=2).recurrent
    batch = np.zeros((8, 6, 1), "float32"), np.zeros(8, int)
    with pytest.raises(ValueError, match="a label for every answer"):
        training.fit(strings, RECIPE, data.ArrayDataset(*batch, 8), verbose=0)
    with pytest.raises(ValueError, match="a label for every answer"):
        analysis.iteration_curve(strings, [batch])


SCORES = {
    "ExactMatch": lambda: ExactMatch().update_state,
    "PositiveF1": lambda: PositiveF1().update_state,
    "IterationLoss": IterationLoss,
    "CoarseToFineLoss": lambda: CoarseToFineLoss([0, 0, 1, 1]),
}


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("case", WRONG)
def test_metrics_and_losses_reject_invalid_labels(score, case):
    y, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        SCORES[score]()(y, np.zeros((COUNT, CLASSES), "float32"))


@pytest.mark.once
@pytest.mark.parametrize("case", WRONG)
def test_analysis_rejects_invalid_labels(case):
    y, message = WRONG[case]
    model = network()
    for score in (
        lambda batches: analysis.iteration_curve(model, batches),
        lambda batches: analysis.iteration_metrics(model, batches),
        lambda batches: analysis.select_stop_rule(model, "agreement", batches),
        lambda batches: analysis.exit_metrics(
            inference.EarlyExitPredictor(model, "agreement"), batches
        ),
    ):
        with pytest.raises(ValueError, match=message):
            score([(X, y)])


@pytest.mark.once
@pytest.mark.parametrize("case", WRONG)
def test_array_dataset_rejects_invalid_labels(case):
    y, message = WRONG[case]
    if case == "two per example":
        pytest.skip("right for a model that answers twice")
    with pytest.raises(ValueError, match=message):
        data.ArrayDataset(X, y, num_classes=CLASSES)
    for right in RIGHT.values():
        data.ArrayDataset(X, right, num_classes=CLASSES)


@pytest.mark.once
def test_fit_checks_labels_after_transform():
    def void(x, y, rng):
        return x, np.where(y == 255, -1, y)

    y = np.where(Y == 0, 255, Y)
    data.ArrayDataset(X, y, num_classes=CLASSES, transform=void)
    y[-1] = CLASSES
    with pytest.raises(ValueError, match="label 255|label 4"):
        data.ArrayDataset(X, y, num_classes=CLASSES)
    good = data.ArrayDataset(X, np.where(Y == 0, 255, Y), 8, transform=void)
    training.fit(network(), RECIPE, good, verbose=0)


@pytest.mark.parametrize("score", SCORES)
def test_metrics_and_losses_reject_single_logit(score):
    with pytest.raises(ValueError, match="num_classes=2"):
        SCORES[score]()(Y % 2, np.zeros((COUNT, 1), "float32"))


@pytest.mark.once
def test_fit_rejects_single_logit_and_several_outputs():
    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(inputs)
    one = keras.Model(inputs, keras.layers.Dense(1)(flat))
    two = keras.Model(inputs, [keras.layers.Dense(4)(flat) for _ in range(2)])
    with pytest.raises(ValueError, match="num_classes=2"):
        training.fit(one, RECIPE, arrays(Y % 2), verbose=0)
    with pytest.raises(ValueError, match="must have one output"):
        training.fit(two, RECIPE, arrays(Y), verbose=0)
    with pytest.raises(ValueError, match="ArrayDataset"):
        training.fit(network(), RECIPE, (X, Y), verbose=0)


LOSSES = {
    "final": IterationLoss(),
    "coarse": CoarseToFineLoss([0, 0, 1, 1]),
    "annealed": AnnealedLoss(IterationLoss(), IterationLoss("uniform"), 0.5),
}
NO_CLASSES = [CLASSES, 1.5, -0.5, float("nan"), float("inf")]


@pytest.mark.parametrize("label", NO_CLASSES)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_iteration_loss_of_invalid_label_tensor_is_nan(loss, label):
    logits = keras.ops.zeros((3, 2, CLASSES))
    for labels, wrong in (([label, 0, 1], True), ([3, 0, -1], False)):
        labels = keras.ops.convert_to_tensor(np.array(labels, "float32"))
        assert np.isnan(float(loss(labels, logits))) == wrong


@pytest.mark.parametrize("label", NO_CLASSES)
def test_fit_stops_at_invalid_label_in_later_batch(label):
    tf = pytest.importorskip("tensorflow")
    labels = Y.astype("float32")
    labels[-1] = label
    batches = tf.data.Dataset.from_tensor_slices((X, labels)).batch(4)
    with pytest.raises(
        training.TrainingDiverged, match="check the data for invalid labels"
    ):
        training.fit(network(), RECIPE, batches, verbose=0)


PLACES = [
    ((5,), (5, 3), None, (False, False)),
    ((5, 1), (5, 3), None, (True, False)),
    ((5,), (5, 7, 3), None, (False, True)),
    ((5, 1), (5, 7, 3), None, (True, True)),
    ((5, 7), (5, 7, 3), None, (False, False)),
    ((5, 7, 1), (5, 7, 3), None, (True, False)),
    ((None, None), (None, 2, None, 3), None, (False, True)),
    ((5, 2, 2), (5, 4, 2, 2, 3), True, (False, True)),
    ((5, 1), (5, 1, 3), None, (False, False)),
]


@pytest.mark.once
@pytest.mark.parametrize(("labels", "logits", "several", "expected"), PLACES)
def test_label_place_finds_axes(labels, logits, several, expected):
    assert label_place(labels, logits, several) == expected


WEIGHTS = {
    "per example": ((4,), np.array([1.0, 2.0, 0.0, 1.0])),
    "column": ((4,), np.array([[1.0], [2.0], [0.0], [1.0]])),
    "of strings": ((4, 4), np.array([1.0, 2.0, 0.0, 1.0])),
    "per position": ((4, 4), np.arange(16.0).reshape(4, 4)),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_positive_f1_weights_equal_repeated_examples(case):
    shape, weights = WEIGHTS[case]
    rng = np.random.default_rng(1)
    y, found = rng.integers(-1, 2, shape), rng.integers(0, 2, shape)
    metric = PositiveF1()
    metric.update_state(y, np.eye(2, dtype="float32")[found], sample_weight=weights)
    if weights.ndim == 1:
        weights = weights.reshape(-1, *[1] * (len(shape) - 1))
    times = np.broadcast_to(weights.reshape(weights.shape[: len(shape)]), shape)
    times = times * (y >= 0)
    hits = (times * ((y == 1) & (found == 1))).sum()
    expected = 2 * hits / (times * ((y == 1) * 1 + (found == 1))).sum()
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", [ExactMatch, PositiveF1])
def test_metrics_reject_weights_of_other_shape(metric):
    y, logits = np.zeros((4, 5), int), np.zeros((4, 5, 2), "float32")
    for weights in (np.ones(5), np.ones((4, 4)), np.ones((1, 4))):
        with pytest.raises(ValueError, match="`sample_weight`"):
            metric().update_state(y, logits, sample_weight=weights)
