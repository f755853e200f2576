"""docs/adding_a_data_set.md, followed: its data set works as it says."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_recur import data, runs
from keras_recur.data import data_spec

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "adding_a_data_set.md").read_text()


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register the guide's data set for one test."""
    monkeypatch.setattr(data_spec, "_specs", dict(data_spec._specs))
    monkeypatch.delitem(sys.modules, "triples", raising=False)
    importlib.import_module("triples")


def test_guide_names_existing_files():
    (shown,) = re.findall(r"\{literalinclude\} (\S+)", GUIDE)
    assert (ROOT / "docs" / shown).resolve() == Path(__file__).with_name("triples.py")
    named = set(re.findall(r"`((?:keras_recur|tests|zoo)/[\w./]+)`", GUIDE))
    missing = {name for name in named if not (ROOT / name).exists()}
    assert len(named) > 5 and missing == {"keras_recur/data/sets/triples.py"}


def test_load_makes_the_guides_data_set():
    assert "triples" in data.list_datasets()
    test = data.load("triples", "test", 10, size=20, num_examples=30, seed=2)
    assert test.input_shape == data.input_shape("triples", 20) == (20, 1)
    x, y = test[0]
    weights = 2 ** np.arange(20)
    numbers = (x[..., 0] > 0) @ weights
    np.testing.assert_array_equal(y @ weights, 3 * numbers % 2**20)
    assert test.config()["source"] == "An example of the documentation"
    with pytest.raises(ValueError, match="`window` is an option of.*not of 'triples'"):
        data.load("triples", window=3)


def test_splits_of_the_guides_data_set_share_no_number():
    sets = [
        {x.tobytes() for x in data.load("triples", split, size=8, num_examples=200).x}
        for split in ("train", "validation", "test")
    ]
    assert not sets[0] & sets[1] | sets[0] & sets[2] | sets[1] & sets[2]


@pytest.mark.parametrize("quick, epochs", [(False, 50), (True, 10)])
def test_make_entry_uses_the_guides_recipes(quick, epochs):
    entry = runs.make_entry("deep_thinking_1d", "triples", quick=quick)
    assert entry.recipes["recurrent"].epochs == epochs
    assert entry.test_sizes == (16, 32, 48, 64) and entry.size == 16
    assert entry.model["num_classes"] == 2
