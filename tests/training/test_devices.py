"""Training on several devices or processes equals training on one."""

import gc
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from free_port import free_port

from keras_recur import data, layers, training
from keras_recur._child import child_environment

BACKEND = keras.backend.backend()
PROGRAM = Path(__file__).with_name("train_on_devices.py")
WAYS = {
    "tensorflow": [
        ("mirrored outside", "plain"),
        ("mirrored inside", "plain"),
        ("mirrored dataset", "plain"),
        ("mirrored outside", "statistics"),
    ],
    "jax": [
        ("batch", "plain"),
        ("batch", "statistics"),
        ("batch", "progressive"),
        ("model", "plain"),
        ("batch together", "plain"),
        ("model together", "plain"),
    ],
    "torch": [("wrapped together", "plain")],
}


def trained(folder, *arguments):
    """Return the losses and weights of a program, run by two processes if together."""
    together = arguments[0].endswith("together")
    port = str(free_port())
    running = []
    for index in ("0", "1") if together else ("",):
        name = str(folder / f"{'-'.join(arguments).replace(' ', '-')}{index}.npz")
        command = [sys.executable, str(PROGRAM), name, *arguments]
        command += [index, port] if together else []
        process = subprocess.Popen(
            command,
            env=child_environment(KERAS_BACKEND=BACKEND),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        running.append((name, process))
    found = []
    try:
        for name, process in running:
            printed, _ = process.communicate(timeout=200)
            assert process.returncode == 0, printed[-3000:]
            with np.load(name) as file:
                found.append([file[key] for key in file.files])
    finally:
        for _, process in running:
            process.kill()
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return a function that trains a case on one device, once."""
    folder, kept = tmp_path_factory.mktemp("one"), {}

    def found(case):
        if case not in kept:
            (kept[case],) = trained(folder, "one", case)
        return kept[case]

    return found


@pytest.mark.parametrize(("way", "case"), WAYS[BACKEND])
def test_fit_on_devices_equals_fit_on_one(way, case, alone, tmp_path):
    for found in trained(tmp_path, way, case):
        for ours, theirs in zip(found, alone(case), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = np.arange(20) % 2


def batches(**options):
    return data.ArrayDataset(X, Y, num_classes=2, **options)


def small_network():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs))


RECIPE = training.Recipe("sgd", 0.1, epochs=1, batch_size=20)


@pytest.mark.parametrize("shuffle", [False, True])
def test_shards_in_order_are_the_whole_batches(shuffle):
    whole = batches(batch_size=8, shuffle=shuffle)
    parts = [batches(batch_size=8, shuffle=shuffle, shard=(i, 4)) for i in range(4)]
    for epoch in (0, 1):
        for dataset in (whole, *parts):
            dataset.epoch = epoch
        for i, (x, y) in enumerate(whole[k] for k in range(3)):
            found = [part[i] for part in parts]
            assert [len(p[1]) for p in found] == [len(y) // 4] * 4
            np.testing.assert_array_equal(np.concatenate([p[0] for p in found]), x)
            np.testing.assert_array_equal(np.concatenate([p[1] for p in found]), y)


def test_shards_draw_their_own_random_numbers():
    def noisy(x, y, rng):
        return x + rng.normal(size=x.shape), y

    first, second = (
        batches(batch_size=20, transform=noisy, shard=(i, 2))[0][0] for i in (0, 1)
    )
    noise = first - X[:10], second - X[10:]
    assert np.abs(noise[0] - noise[1]).max() > 0.1


def test_load_divides_batches_among_shards():
    whole = data.load("prefix_sums", batch_size=4, num_examples=8, size=5)
    parts = [
        data.load("prefix_sums", batch_size=4, num_examples=8, size=5, shard=(i, 2))
        for i in (0, 1)
    ]
    np.testing.assert_array_equal(
        np.concatenate([part[1][0] for part in parts]), whole[1][0]
    )
    assert parts[0].config() == parts[1].config() != whole.config()
    assert parts[1].take(4).shard == (1, 2)


@pytest.mark.parametrize(
    ("shard", "error"),
    [
        ((2, 2), r"`shard\[0\]` must be an integer from 0 to 1"),
        ((0, 9), r"`shard\[1\]` must be an integer from 1 to 8"),
        ((0, 3), "batch must be divisible by the 3 shards.*a batch of 8"),
        ((0, 8), "last batch must be divisible by the 8 shards.*a last batch of 4"),
        ((0, 1, 2), r"`shard` must be a pair \(index, count\)"),
        (1, r"`shard` must be a pair \(index, count\)"),
    ],
)
def test_shards_must_divide_the_batches(shard, error):
    with pytest.raises(ValueError, match=error):
        batches(batch_size=8, shard=shard)


def test_as_dataset_gives_the_next_epoch_in_each_pass():
    dataset = batches(batch_size=8, shuffle=True)
    expected = []
    for epoch in (0, 1):
        dataset.epoch = epoch
        expected.append([dataset[i] for i in range(len(dataset))])
    dataset.epoch = 0
    passes = dataset.as_dataset()
    assert len(passes) == 3
    for epoch in (0, 1):
        for (x, y), (ours, labels) in zip(passes, expected[epoch], strict=True):
            np.testing.assert_array_equal(x.numpy(), ours)
            np.testing.assert_array_equal(y.numpy(), labels)


def test_fit_keeps_the_order_of_data_with_workers():
    class Numbers(keras.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            rows = slice(4 * index, 4 * index + 4)
            return X[rows], Y[rows]

    found = []
    for workers in (1, 3):
        keras.utils.set_random_seed(0)
        model = small_network()
        training.fit(model, RECIPE, Numbers(workers=workers), verbose=0)
        found.append(model.get_weights())
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()  # Keras leaves its pool of workers open.
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_fit_refuses_a_model_from_outside_the_scope():
    import tensorflow as tf

    model = small_network()
    with (
        tf.distribute.MirroredStrategy(["CPU:0"]).scope(),
        pytest.raises(ValueError, match="built in the scope.*outside any strategy's"),
    ):
        training.fit(model, RECIPE, batches(batch_size=4), verbose=0)


@pytest.fixture
def two_devices(monkeypatch):
    """Pretend that batches are divided among two devices."""
    from keras_recur.training import _devices

    monkeypatch.setattr(_devices, "_batch_devices", lambda: 2)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"batch_size": 5}, "Batches of `data` must be.*a batch of 5 examples"),
        ({"batch_size": 6, "drop_remainder": False}, None),
        ({"batch_size": 19}, "Batches of `data` must be.*a batch of 1 examples"),
    ],
)
def test_fit_refuses_batches_that_devices_cannot_divide(options, error, two_devices):
    del two_devices
    if error is None:
        training.fit(small_network(), RECIPE, batches(**options), verbose=0)
        return
    with pytest.raises(ValueError, match=error):
        training.fit(small_network(), RECIPE, batches(**options), verbose=0)


@pytest.mark.skipif(BACKEND != "torch", reason="torch.distributed is PyTorch's")
def test_fit_refuses_processes_of_pytorch(monkeypatch):
    import torch

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(RuntimeError, match="2 processes.*DistributedDataParallel"):
        training.fit(small_network(), RECIPE, batches(batch_size=4), verbose=0)


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow synchronizes")
def test_synchronized_statistics_are_only_for_tensorflow():
    with pytest.raises(ValueError, match="`synchronized` is only for the TensorFlow"):
        layers.TimeSpecificBatchNormalization(synchronized=True)
