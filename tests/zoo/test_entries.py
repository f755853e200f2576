"""Test that entries are complete and agree with docs/results.md and the wheel."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from keras_recur import data, zoo
from keras_recur.analysis import iteration_curve
from keras_recur.reports.card import zoo_table
from keras_recur.runs import Entry

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = sorted(path.parent for path in (ROOT / "zoo").glob("*/results.json"))
IN_WHEEL = 1_000_000  # Bytes.


DEMO = "deep_thinking_1d-prefix_sums"


@pytest.fixture(params=ENTRIES, ids=lambda folder: folder.name)
def folder(request):
    return request.param


def test_demo_is_an_entry():
    assert DEMO in zoo.list_entries()


@pytest.mark.once
def test_entry_is_complete(folder):
    results = json.loads((folder / "results.json").read_text())
    entry = Entry.from_dict(results["entry"])
    assert entry.family in zoo.list_families() and entry.data in data.list_datasets()
    assert {"processor", "backend", "commit"} <= set(results["runs"][0]["provenance"])
    card = (folder / "README.md").read_text()
    for picture in (folder / "plots").iterdir():
        assert f"plots/{picture.name}" in card


@pytest.mark.parametrize(
    "folder",
    [
        # test_cross_backend.py tests that every backend reads a file the same way.
        pytest.param(path, marks=() if path.name == DEMO else pytest.mark.once)
        for path in ENTRIES
    ],
    ids=lambda path: path.name,
)
def test_load_reaches_the_published_score(folder):
    results = json.loads((folder / "results.json").read_text())
    entry, weights = Entry.from_dict(results["entry"]), results["weights"]
    if not weights["files"]:
        pytest.skip("published without weights, which are over 5 MB")
    (run,) = (
        r
        for r in results["runs"]
        if r["twin"] == "recurrent" and r["seed"] == weights["seed"]
    )
    try:
        test = entry.test_data(entry.test_sizes[0])
    except FileNotFoundError:
        pytest.skip(f"{entry.data} is not on this machine")
    test = test.take(min(200, test.num_examples))
    pair = zoo.load(folder.name)
    for twin in {"recurrent", "feedforward"} - set(weights["files"]):
        with pytest.warns(
            UserWarning, match=f"weights of the {twin} twin are too large"
        ):
            getattr(pair, twin)
    curve = iteration_curve(pair.recurrent, test, entry.model["iterations"])
    # 200 of 1,000 examples lie within three standard deviations of the score.
    share = run["tests"][0]["curve"][len(curve) - 1]
    assert abs(curve[-1] - share) <= 3 * np.sqrt(share * (1 - share) / 200) + 0.01


def test_results_page_has_the_table_made_from_these_files():
    table = zoo_table(ROOT / "zoo").replace("](zoo/", "](../zoo/")
    assert table in (ROOT / "docs" / "results.md").read_text()


def test_wheel_includes_small_weights(folder):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    small = [p for p in folder.glob("*.weights.h5") if p.stat().st_size < IN_WHEEL]
    for path in [*small, folder / "results.json"] if small else ():
        name = f"{folder.name}/{path.name}"
        assert included[f"zoo/{name}"] == f"keras_recur/zoo/published/{name}"
