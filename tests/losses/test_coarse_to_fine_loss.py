"""Cross-entropy of superclasses and classes, against NumPy."""

import keras
import numpy as np
import pytest

from keras_recur import data, training, zoo
from keras_recur.losses import CoarseToFineLoss, IterationLoss
from keras_recur.training import Recipe

HIERARCHY = [0, 1, 0, 2, 1]
RNG = np.random.default_rng(0)


def expected(logits, labels, shares, weights):
    """Return the loss of logits `(batch, iterations, classes)` in NumPy."""
    chances = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    above = np.array(HIERARCHY)
    total = np.zeros(len(labels))
    for i, label in enumerate(labels):
        for t, (share, weight) in enumerate(zip(shares, weights, strict=True)):
            fine = -np.log(chances[i, t, label])
            coarse = -np.log(chances[i, t, above == above[label]].sum())
            total[i] += weight * (share * fine + (1 - share) * coarse)
    return total.mean()


@pytest.mark.parametrize(
    ("coarse_to_fine", "shares"),
    [
        ("linear", [0, 1 / 3, 2 / 3, 1]),
        ("switch", [0, 0, 1, 1]),
        ("power", [(i / 4) ** 1.3 for i in (1, 2, 3, 4)]),
    ],
)
def test_coarse_to_fine_loss_matches_numpy(coarse_to_fine, shares):
    logits = RNG.normal(size=(6, 4, 5)).astype("float32")
    labels = np.array([0, 1, 2, 3, 4, 0])
    loss = CoarseToFineLoss(HIERARCHY, coarse_to_fine)
    np.testing.assert_allclose(loss.fine_shares(4), shares)
    found = expected(logits, labels, shares, [0.25] * 4)
    np.testing.assert_allclose(float(loss(labels, logits)), found, rtol=1e-5)
    weighted = CoarseToFineLoss(HIERARCHY, coarse_to_fine, weights=[0, 1, 2, 3])
    found = expected(logits, labels, shares, [0, 1, 2, 3])
    np.testing.assert_allclose(float(weighted(labels, logits)), found, rtol=1e-5)
    again = CoarseToFineLoss.from_config(loss.get_config())
    assert float(again(labels, logits)) == float(loss(labels, logits))


def test_coarse_to_fine_loss_of_one_readout_is_class_loss():
    logits = RNG.normal(size=(6, 5)).astype("float32")
    labels = np.array([0, 1, 2, 3, 4, 0])
    for coarse_to_fine in ("linear", "switch", "power"):
        found = float(CoarseToFineLoss(HIERARCHY, coarse_to_fine)(labels, logits))
        assert found == pytest.approx(float(IterationLoss()(labels, logits)), rel=1e-6)


def test_coarse_to_fine_loss_ignores_classes_of_superclass_at_first():
    """Only the last iteration has a gradient between classes of one superclass."""
    loss = CoarseToFineLoss([0, 0, 1], "linear")
    logits = np.zeros((1, 2, 3), "float32")
    first, last = logits.copy(), logits.copy()
    first[0, 0, :2] = last[0, 1, :2] = 1.0, -1.0
    swapped = first.copy()
    swapped[0, 0, :2] = -1.0, 1.0
    label = np.array([0])
    assert float(loss(label, first)) == pytest.approx(float(loss(label, swapped)))
    swapped = last.copy()
    swapped[0, 1, :2] = -1.0, 1.0
    assert float(loss(label, last)) < float(loss(label, swapped))


def test_coarse_to_fine_loss_ignores_negative_targets():
    logits = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    labels = np.array([[0, -1, 2, -1], [-1, -1, 4, 1]])
    loss = CoarseToFineLoss(HIERARCHY)
    flat = np.array([[*logits[i, :, p]] for i, p in np.argwhere(labels >= 0)])
    kept = labels[labels >= 0]
    found = expected(flat, kept, [0, 0.5, 1], [1 / 3] * 3)
    np.testing.assert_allclose(float(loss(labels, logits)), found, rtol=1e-5)


def test_recipe_trains_with_coarse_to_fine_loss(tmp_path):
    """Early readouts learn the superclass but not the class."""
    pair = zoo.build(
        "mlp",
        input_shape=(2, 2, 1),
        num_classes=4,
        width=16,
        iterations=2,
        readout="all",
        seed=0,
    )
    hierarchy = [0, 0, 1, 1]
    recipe = Recipe(
        "adam",
        1e-2,
        epochs=30,
        batch_size=32,
        loss_weights="uniform",
        hierarchy=hierarchy,
        coarse_to_fine="switch",
    )
    assert recipe == Recipe(**{**recipe.__dict__, "hierarchy": hierarchy})
    labels = RNG.integers(0, 4, 128)
    x = RNG.normal(size=(128, 2, 2, 1), scale=0.1).astype("float32")
    x[np.arange(128), labels // 2, labels % 2, 0] += 1.0
    train = data.ArrayDataset(x, labels.astype("int32"), 32)
    history = training.fit(pair.recurrent, recipe, train, verbose=0)
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    answers = pair.recurrent.predict(x, verbose=0).argmax(axis=-1)
    above = np.array(hierarchy)
    assert np.mean(above[answers[:, 0]] == above[labels]) > 0.95
    assert np.mean(answers[:, 1] == labels) > 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hierarchy": [0, 2]}, r"every superclass.*\[0, 2\], without 1"),
        ({"hierarchy": []}, "every superclass"),
        ({"hierarchy": [0, -1]}, "hierarchy"),
        ({"hierarchy": 3}, "sequence of integers"),
        ({"hierarchy": [0, 1], "coarse_to_fine": "liner"}, "Did you mean 'linear'"),
        ({"hierarchy": [0, 1], "weights": "even"}, "weights"),
    ],
)
def test_coarse_to_fine_loss_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CoarseToFineLoss(**arguments)


def test_coarse_to_fine_loss_rejects_mismatched_hierarchy():
    loss = CoarseToFineLoss([0, 1])
    with pytest.raises(ValueError, match="each of the 3 classes. Received: 2"):
        loss(np.array([0]), np.zeros((1, 2, 3), "float32"))
    with pytest.raises(
        ValueError, match="needs a `hierarchy`. Received: coarse_to_fine='power'"
    ):
        Recipe("sgd", 0.1, epochs=1, batch_size=1, coarse_to_fine="power")
    with pytest.raises(ValueError, match="progressive loss reads out one state"):
        Recipe("sgd", 0.1, epochs=1, batch_size=1, hierarchy=[0, 1], progressive=1.0)


@pytest.mark.once
def test_coarse_to_fine_loss_accepts_cifar100_superclasses():
    found = data.superclasses("cifar100")
    assert sorted(found) == sorted(5 * list(range(20)))
    # The first ten superclasses in the files of the data set.
    assert found[:10] == (4, 1, 14, 8, 0, 6, 7, 7, 18, 3)
    with pytest.raises(ValueError, match="'cifar10'.*Did you mean 'cifar100'"):
        data.superclasses("cifar10")


def test_coarse_to_fine_loss_is_saved_with_model(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile("sgd", CoarseToFineLoss([0, 1, 1]))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.hierarchy == [0, 1, 1]
