"""Fashion-MNIST from its original files; here with a few made images."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from keras_recur import data
from keras_recur.data import _fashion_mnist

pytestmark = pytest.mark.once
COUNTS = {"train": 20, "test": 6}


def packed(array):
    sizes = struct.pack(f">{array.ndim}i", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder with images and labels like those of the data set, and these arrays."""
    rng = np.random.default_rng(0)
    arrays, files = {}, {}
    (tmp_path / "fashion-mnist").mkdir()
    for split, count in COUNTS.items():
        images = rng.integers(0, 256, (count, 28, 28), "uint8")
        arrays[split] = images, rng.integers(0, 10, count, "uint8")
        files[split] = {}
        for name, array in zip(_fashion_mnist.FILES[split], arrays[split], strict=True):
            content = packed(array)
            files[split][name] = hashlib.sha256(content).hexdigest()
            path = tmp_path / "fashion-mnist" / f"{name}.gz"
            path.write_bytes(gzip.compress(content))
    monkeypatch.setattr(_fashion_mnist, "FILES", files)
    monkeypatch.setattr(_fashion_mnist, "INSTALLED", tmp_path / "nowhere")
    return tmp_path / "fashion-mnist", arrays


def loaded(split, folder, **arguments):
    found = data.load(
        "fashion_mnist", split, 4, data_dir=folder, augment=False, **arguments
    )
    x, y = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return np.rint((x * 0.3530 + 0.2860) * 255).astype(int)[..., 0], y


@pytest.mark.parametrize(
    ("split", "name", "where"),
    [
        ("validation", "train", slice(18, 20)),
        ("test", "test", slice(None)),
        ("test[50%:]", "test", slice(3, None)),
        ("test[-2:]", "test", slice(4, None)),
        ("test[1:4]", "test", slice(1, 4)),
    ],
)
def test_splits_are_those_of_the_files(made, split, name, where):
    folder, arrays = made
    x, y = loaded(split, folder)
    images, labels = arrays[name]
    np.testing.assert_array_equal(x, images[where])
    np.testing.assert_array_equal(y, labels[where])
    assert y.dtype == np.int32


def test_slices_are_joined_and_num_examples_counts(made):
    folder, arrays = made
    x, y = loaded("test[:1]+test[4:]", folder, num_examples=2)
    np.testing.assert_array_equal(y, arrays["test"][1][[0, 4]])
    with pytest.raises(ValueError, match="has 6 examples.*num_examples=7.*is 6"):
        loaded("test", folder, num_examples=7)


def test_files_are_found_above_their_folder_and_in_debian(made, monkeypatch):
    folder, arrays = made
    assert len(loaded("test", folder.parent)[0]) == 6
    for file in folder.iterdir():  # Unpacked files are read too.
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    monkeypatch.setattr(_fashion_mnist, "INSTALLED", folder)
    config = data.load("fashion_mnist").config()
    assert (config["num_examples"], config["files"]) == (20, "fashion-mnist")


def test_other_files_are_refused(made):
    folder, _ = made
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    content = labels.read_bytes()
    labels.write_bytes(content[:-9])
    with pytest.raises(ValueError, match="t10k-labels.* is damaged"):
        loaded("test", folder)
    labels.write_bytes(gzip.compress(gzip.decompress(content)[:-1] + b"\0"))
    with pytest.raises(ValueError, match="does not hold the examples of Fashion-MNIST"):
        loaded("test", folder)
    labels.unlink()
    with pytest.raises(FileNotFoundError, match="not t10k-labels-idx1-ubyte.gz"):
        loaded("test", folder)


def test_wrong_slices_and_missing_files_name_the_way_out(made, tmp_path):
    folder, _ = made
    with pytest.raises(ValueError, match=r"form 'train\[10%:90%\]'.*'train\[::2\]'"):
        loaded("train[::2]", folder)
    empty = tmp_path / "empty"
    with pytest.raises(FileNotFoundError, match="data_dir.*original files.*dataset-fa"):
        loaded("test", empty)


def test_digests_are_those_of_the_original_files():
    digests = [d for files in _fashion_mnist.FILES.values() for d in files.values()]
    assert len(set(digests)) == 4 and {len(d) for d in digests} == {64}
