"""The family in docs/adding_a_family.md can be built, drawn and trained."""

import importlib
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_recur import analysis, runs, zoo
from keras_recur.zoo import family

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "adding_a_family.md").read_text()


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register the family of the guide for one test."""
    monkeypatch.setattr(family, "_families", dict(family._families))
    monkeypatch.delitem(sys.modules, "highway", raising=False)
    importlib.import_module("highway")


def test_guide_names_existing_files():
    (shown,) = re.findall(r"\{literalinclude\} (\S+)", GUIDE)
    assert (ROOT / "docs" / shown).resolve() == Path(__file__).with_name("highway.py")
    named = set(re.findall(r"`((?:keras_recur|tests|zoo)/[\w./]+)`", GUIDE))
    assert len(named) > 5
    missing = {name for name in named if not (ROOT / name).exists()}
    assert missing == {"keras_recur/zoo/families/highway.py"}  # The reader writes it.


def test_highway_pair_has_equal_twins_and_costs():
    assert "highway" in zoo.list_families() and "Srivastava" in str(
        zoo.describe("highway")
    )
    pair = zoo.build("highway", width=4, iterations=3, input_shape=(2, 2, 1), seed=1)
    x = np.random.default_rng(0).normal(size=(2, 2, 2, 1)).astype("float32")
    pair.untie()
    expected = keras.ops.convert_to_numpy(pair.recurrent(x))
    found = keras.ops.convert_to_numpy(pair.feedforward(x))
    np.testing.assert_allclose(found, expected, 1e-5, 1e-6)
    every = zoo.build("highway", width=4, input_shape=(2, 2, 1), readout="all")
    assert every.recurrent.output_shape == (None, 9, 10)
    first, looped, last = 5 * 4, 2 * (4 * 4 + 4), 5 * 10
    costs = pair.costs()
    assert costs.recurrent.parameters == first + looped + last
    assert costs.feedforward.parameters == first + 3 * looped + last
    assert costs.recurrent.effective_depth == 5


def test_highway_is_drawn_and_has_a_recipe_for_digits():
    pair = zoo.build("highway", width=4, iterations=3)
    words = [text.get_text() for text in analysis.plot_pair(pair).axes[0].texts]
    assert "iteration 3" in words and "the same\nweights\n3 times" in words
    entry = runs.make_entry("highway", "digits", quick=True)
    assert entry.pair(0).recurrent.output_shape == (None, 10)
