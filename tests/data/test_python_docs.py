"""Text as numbers, and the windows of Python's documentation."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_recur import data, runs
from keras_recur.data.characters import CHARACTERS
from keras_recur.data.sets.python_docs import documentation

pytestmark = pytest.mark.once

SPLITS = ["train", "validation", "test"]


@given(st.text(CHARACTERS))
def test_characters_survive_the_round_trip(text):
    tokens = data.encode_text(text)
    assert tokens.dtype == np.int32 and len(tokens) == len(text)
    assert data.decode_text(tokens) == text


def test_other_characters():
    assert (
        data.decode_text(data.encode_text("a “b” ‘c’ –—…\t")) == "a \"b\" 'c' ---... "
    )
    assert data.encode_text("ß").tolist() == [96] == data.encode_text("°").tolist()
    assert data.decode_text(data.encode_text("")) == ""
    with pytest.raises(ValueError, match="must be a string.*b'a'"):
        data.encode_text(b"a")
    with pytest.raises(ValueError, match="from 0 to 96. Received: values from 3 to 97"):
        data.decode_text(np.array([97, 3]))
    with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        data.decode_text(np.array([[1, 2]]))


def test_the_text_is_documentation_and_says_nothing_twice():
    text = documentation()
    assert len(text) > 300_000
    assert 'The "while" statement' in text and "Compound statements" in text
    paragraphs = [" ".join(p.split()) for p in text.split("\n\n")]
    assert len(set(paragraphs)) == len(paragraphs)
    other = np.mean(data.encode_text(text) == 96)
    assert other < 1e-4


@pytest.mark.parametrize("size", [1, 20, 64])
def test_windows_lie_one_behind_the_other_and_splits_apart(size):
    tokens = data.encode_text(documentation())
    found = {split: data.python_docs(size=size, split=split) for split in SPLITS}
    place = 0
    for split, share in zip(SPLITS, (0.85, 0.05, 0.1), strict=True):
        x, y = found[split]
        assert x.shape == y.shape and x.shape[1] == size and x.dtype == np.int32
        begin = round(place * len(tokens))
        # In order and without a gap, from about where the split begins.
        begin = next(
            i
            for i in range(begin - 1, begin + 2)
            if i >= 0 and np.array_equal(tokens[i : i + x.size], x.ravel())
        )
        np.testing.assert_array_equal(tokens[begin + 1 : begin + 1 + x.size], y.ravel())
        place += share
        # The last target is a character of this split too.
        assert begin + 1 + x.size <= round(place * len(tokens)) + 1
        assert share * len(tokens) - x.size <= size + 2


def test_no_test_window_is_in_the_training_text():
    train = data.decode_text(data.python_docs(size=64)[0].ravel())
    test = data.python_docs(size=64, split="test")[0]
    found = [w for w in map(data.decode_text, test) if w in train]
    # On Python 3.13, one is a line of a table.
    assert not [w for w in found if set(w) - set("-+")]


def test_load():
    train = data.load("python_docs", "train", 32, size=16, num_examples=70, seed=3)
    assert len(train) == 2 and train.shuffle and train.input_shape == (16,)
    assert (train.num_classes, train.metric) == (97, "accuracy")
    assert train.config()["characters"] == len(documentation())
    x, y = data.load("python_docs", "test", 32, size=16)[0]
    np.testing.assert_array_equal(x, data.python_docs(32, 16, "test")[0])
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    assert data.input_shape("python_docs", 20) == (20,)
    if sys.version_info[:2] == (3, 11):  # The text of other versions is another one.
        spec = data.describe("python_docs")
        for split in SPLITS:
            count = data.load("python_docs", split).num_examples
            assert count == pytest.approx(spec.num_examples[split], rel=0.01)


def test_bad_arguments():
    most = len(data.python_docs(split="test")[0])
    with pytest.raises(ValueError, match=f"The most allowed is {most}"):
        data.load("python_docs", "test", num_examples=most + 1)
    with pytest.raises(ValueError, match="largest allowed is"):
        data.python_docs(size=10**6)
    with pytest.raises(ValueError, match="nearest allowed value is 1"):
        data.load("python_docs", size=0)
    with pytest.raises(ValueError, match="Did you mean 'test'"):
        data.python_docs(split="tets")
    with pytest.raises(
        ValueError, match="`window` is an option of.*not of 'python_docs'"
    ):
        data.load("python_docs", window=3)


def test_a_python_without_the_text(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(FileNotFoundError, match="without the module pydoc_data.topics"):
        documentation()


@pytest.mark.parametrize("family", ["mlp", "deep_thinking_1d", "frnn"])
def test_families_of_images_refuse_text(family):
    with pytest.raises(
        ValueError, match=f"{family} and python_docs do not fit.*experiment text"
    ):
        runs.make_entry(family, "python_docs", quick=True)
