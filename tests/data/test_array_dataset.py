"""ArrayDataset: batches depend on (seed, epoch, index) and on nothing else."""

import json

import keras
import numpy as np
import pytest

from keras_recur.data import ArrayDataset

# Keras 3.15 turns variables into arrays by a protocol that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def numbers(count=10, **arguments):
    x = np.arange(count, dtype="float32")[:, None]
    return ArrayDataset(x, x[:, 0].astype("int32"), **{"batch_size": 4, **arguments})


def noise(x, y, rng):
    return x + rng.random(x.shape, dtype="float32"), y


def small_model(built=True):
    layers = [keras.layers.Dense(1)]
    if built:
        layers.insert(0, keras.Input((1,)))
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    return model


class Recorder(ArrayDataset):
    """Keeps the first batch of every (epoch, index) that is asked for."""

    def __getitem__(self, index):
        batch = super().__getitem__(index)
        self.__dict__.setdefault("seen", {})[self.epoch, index] = batch[1].tolist()
        return batch


def test_batches_cover_every_example_once():
    dataset = numbers(shuffle=True)
    labels = np.concatenate([y for _, y in dataset])
    assert sorted(labels) == list(range(10))
    assert list(labels) != list(range(10))
    assert len(dataset) == 3
    assert [len(y) for _, y in dataset] == [4, 4, 2]
    assert [len(y) for _, y in numbers(drop_remainder=True)] == [4, 4]


def test_without_shuffle_the_order_is_the_given_one():
    dataset = numbers()
    dataset.epoch = 5
    assert np.concatenate([y for _, y in dataset]).tolist() == list(range(10))


def test_epoch_alone_decides_order_and_augmentation():
    first, second = (numbers(shuffle=True, transform=noise) for _ in range(2))
    for epoch in range(3):
        first.epoch = epoch
        list(first)
    second.epoch = 2
    for index in (2, 0, 1):  # and the order of asking does not matter
        for a, b in zip(first[index], second[index], strict=True):
            np.testing.assert_array_equal(a, b)
    before = first[0]
    first.epoch = 1
    assert not np.array_equal(first[0][1], before[1])


def test_order_and_augmentation_differ_over_epochs_batches_and_seeds():
    def zeros(seed):
        return ArrayDataset(
            np.zeros((8, 1)), np.zeros(8), 4, transform=noise, seed=seed
        )

    dataset = zeros(seed=0)
    added = [[x for x, _ in dataset]]
    dataset.epoch = 1
    added.append([x for x, _ in dataset])
    added.append([x for x, _ in zeros(seed=1)])
    draws = {batch.tobytes() for epoch in added for batch in epoch}
    assert len(draws) == 6
    orders = {numbers(shuffle=True, seed=seed)[0][1].tobytes() for seed in range(5)}
    assert len(orders) == 5


@pytest.mark.parametrize("count", [10, 40])
def test_fit_starts_at_epoch_zero_and_advances(count):
    x = np.arange(count, dtype="float32")[:, None]
    dataset = Recorder(x, x[:, 0], batch_size=4, shuffle=True)
    small_model().fit(dataset, epochs=3, shuffle=False, verbose=0)
    assert dataset.epoch == 3
    other = Recorder(x, x[:, 0], batch_size=4, shuffle=True)
    expected = {}
    for epoch in range(3):
        other.epoch = epoch
        expected |= {(epoch, i): y.tolist() for i, (_, y) in enumerate(other)}
    assert dataset.seen == expected


def test_fit_of_an_unbuilt_model_starts_at_epoch_zero_too():
    dataset = numbers(40, shuffle=True)
    small_model(built=False).fit(dataset, epochs=2, shuffle=False, verbose=0)
    assert dataset.epoch == 2


def test_validation_leaves_the_epoch_of_training_alone():
    dataset, other = numbers(shuffle=True), numbers()
    model = small_model()
    model.fit(dataset, validation_data=other, epochs=2, shuffle=False, verbose=0)
    assert dataset.epoch == 2


def test_interrupted_training_goes_on_with_the_same_weights():
    def train(model, first, last):
        dataset = numbers(40, shuffle=True, transform=noise)
        model.fit(
            dataset,
            initial_epoch=first,
            epochs=last,
            shuffle=False,
            callbacks=[dataset.epoch_callback()],
            verbose=0,
        )
        assert dataset.epoch == last

    def fresh():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(1e-4), "mse")
        model.set_weights([np.ones((1, 1)), np.zeros(1)])
        return model

    whole, parts, repeated = fresh(), fresh(), fresh()
    train(whole, 0, 4)
    train(parts, 0, 2)
    train(parts, 2, 4)
    train(repeated, 0, 2)
    train(repeated, 0, 2)
    kernels = [
        keras.ops.convert_to_numpy(model.weights[0])
        for model in (whole, parts, repeated)
    ]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_evaluate_and_predict():
    model, dataset = small_model(), numbers()
    assert np.isfinite(float(model.evaluate(dataset, verbose=0)))
    assert model.predict(dataset, verbose=0).shape == (10, 1)


def test_take_keeps_the_first_examples_and_all_settings():
    dataset = numbers(
        shuffle=True, seed=3, drop_remainder=True, name="n", num_classes=10,
        metric="exact_match", transform=noise, details={"split": "test"},
    )  # fmt: skip
    dataset.epoch = 4
    part = dataset.take(6)
    assert part.num_examples == 6 and part.epoch == 0
    assert part.y.tolist() == list(range(6))
    assert {**part.config(), "num_examples": 10} == dataset.config()
    assert part.transform is noise
    assert len(dataset.take(2)) == 1  # fewer than a batch: not dropped
    with pytest.raises(
        ValueError, match="`num_examples` can be at most 10.*num_examples=11"
    ):
        dataset.take(11)
    with pytest.raises(ValueError, match="nearest allowed value is 1"):
        dataset.take(0)


def test_config_says_everything_and_is_json():
    dataset = numbers(name="mine", num_classes=10, details={"split": "train"})
    config = json.loads(json.dumps(dataset.config()))
    assert config == {
        "name": "mine",
        "split": "train",
        "num_examples": 10,
        "batch_size": 4,
        "shuffle": False,
        "drop_remainder": False,
        "seed": 0,
        "num_classes": 10,
        "input_shape": [1],
        "metric": "accuracy",
    }
    assert "mine" in repr(dataset)


def test_input_shape_is_what_the_model_sees():
    dataset = numbers(transform=lambda x, y, rng: (x[:, None, :].repeat(3, 1), y))
    assert dataset.input_shape == (3, 1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(batch_size=0), "`batch_size` must be a positive integer"),
        (dict(batch_size=2.0), "Did you mean `batch_size=2`"),
        (dict(batch_size=16, drop_remainder=True), "`batch_size` of at most 10"),
        (dict(metric="exact"), "Did you mean 'exact_match'"),
        (dict(seed=-3), "Received: seed=-3"),
        (dict(shuffle="yes"), "must be True or False"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        numbers(**arguments)


def test_bad_arrays_epochs_and_indices():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2,\)"):
        ArrayDataset(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="0 examples must make at least one batch"):
        ArrayDataset(np.zeros((0, 1)), np.zeros(0))
    dataset = numbers()
    with pytest.raises(ValueError, match="`epoch` must be an integer"):
        dataset.epoch = -1
    with pytest.raises(IndexError, match="`index` must be from -3 to 2.*index=3"):
        dataset[3]
    np.testing.assert_array_equal(dataset[-1][1], dataset[2][1])
