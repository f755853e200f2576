"""The digits of scikit-learn: fixed splits that share nothing, and their shifts."""

import builtins
import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from keras_recur import data
from keras_recur.data._transforms import ImageTransform
from keras_recur.data.sets.digits import digits

pytestmark = pytest.mark.once

SPLITS = ("train", "validation", "test")


def flat(split):
    return digits(split)[0].reshape(-1, 64).tolist()


def test_digits_splits_contain_every_image_once():
    rows = [row for split in SPLITS for row in flat(split)]
    assert sorted(rows) == sorted(load_digits().data.astype(int).tolist())
    seen = [set(map(tuple, flat(split))) for split in SPLITS]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


@pytest.mark.parametrize("split", SPLITS)
def test_digits_splits_are_stratified_from_the_first_example(split):
    whole = np.bincount(load_digits().target) / 1797
    for count in (100, data.describe("digits").num_examples[split]):
        found = np.bincount(digits(split, count)[1], minlength=10)
        assert (abs(found - count * whole) < 2).all()


def test_digits_images_belong_to_their_labels():
    known = load_digits()
    by_image = {
        tuple(row): digit
        for row, digit in zip(known.data.astype(int), known.target, strict=True)
    }
    x, y = digits("test")
    assert [by_image[tuple(row)] for row in x.reshape(-1, 64)] == y.tolist()


def test_load_digits_normalizes_and_describes():
    train, test = data.load("digits", "train", 64), data.load("digits", "test", 64)
    assert len(train) == 1_097 // 64 and len(test) == math.ceil(500 / 64)
    assert train.shuffle and not test.shuffle
    assert train.config()["augment"] == "random shift by up to 1 pixel"
    assert test.config()["augment"] == "none"
    x, y = test[0]
    assert x.shape == (64, 8, 8, 1) and (x.dtype, y.dtype) == ("float32", "int32")
    raw = digits("test", 64)[0] / 16
    np.testing.assert_allclose(x, (raw - 0.3053) / 0.3760, rtol=1e-5, atol=1e-6)
    whole = digits("train")[0] / 16
    spec = data.describe("digits")
    assert spec.mean == (round(whole.mean(), 4),)
    assert spec.std == (round(whole.std(), 4),)
    assert not spec.procedural and spec.download_size is None


def test_load_digits_shifts_training_images_by_one_pixel():
    spec = data.describe("digits")
    train = data.load("digits", "train", 50, shuffle=False, seed=3)
    assert train.transform == ImageTransform(spec.mean, spec.std, pad=1, white=16)
    shifted = np.rint((train[0][0] * spec.std + spec.mean) * 16).astype(int)
    plain = digits("train", 50)[0]
    moves = set()
    for image, result in zip(plain[..., 0], shifted[..., 0], strict=True):
        padded = np.pad(image, 1)
        at = [
            (top, left)
            for top in range(3)
            for left in range(3)
            if np.array_equal(padded[top : top + 8, left : left + 8], result)
        ]
        assert at
        moves.update(at[:1])
    assert len(moves) == 9
    again = data.load("digits", "train", 50, shuffle=False, seed=3)
    np.testing.assert_array_equal(again[0][0], train[0][0])
    again.epoch = 1
    assert not np.array_equal(again[0][0], train[0][0])
    plain = data.load("digits", "train", 50, augment=False)
    assert plain.config()["augment"] == "none" and plain.transform.pad == 0


def test_load_digits_without_scikit_learn_names_the_package(monkeypatch):
    importing = builtins.__import__

    def missing(name, *rest):
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(name)
        return importing(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ModuleNotFoundError, match="pip install scikit-learn"):
        data.load("digits")
