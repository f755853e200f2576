"""The pages that are made from the code; `make test` builds them all."""

import importlib
import re
from pathlib import Path

import pytest

import keras_recur
from keras_recur import zoo
from keras_recur.runs.summary import percent
from keras_recur.zoo.entries import read_entry

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def extensions(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")


def test_a_familys_page_marks_where_its_figures_come_from():
    pages = importlib.import_module("family_pages")
    family = zoo.describe("scnn")
    entries = pages.entries_of("scnn", ROOT)
    assert [entry.name for entry in entries] == ["scnn-shortest_paths"]
    costs = zoo.build("scnn", width=4, initializer="zeros").costs()
    text = pages.page(family, costs, entries, ROOT)
    counted, published, measured = re.split("## Published|## Measured", text)
    assert "Counted here" in counted and f"{costs.recurrent.macs:,}" in counted
    for count in family.reported:
        row = f"{count.recurrent:,} | {count.feedforward:,} | reported"
        assert row in published
    assert "Measured here: `zoo/scnn-shortest_paths/results.json`" in measured
    for network in read_entry(entries[0])["summary"].values():
        for size in network["sizes"]:
            assert percent(size["mean"], size["standard_error"]) in measured


def test_every_public_name_is_described_once(tmp_path, monkeypatch):
    # A function of the package itself; and one that is new, without an edit of docs.
    monkeypatch.setattr(keras_recur, "new", zoo.build, raising=False)
    monkeypatch.setattr(keras_recur, "__all__", [*keras_recur.__all__, "new"])
    importlib.import_module("reference_pages").write(tmp_path)
    text = "\n".join(path.read_text() for path in tmp_path.glob("*.rst"))
    described = re.findall(r"auto(?:class|function):: (\S+)", text)
    assert len(described) == len(set(described))
    assert {f"keras_recur.zoo.{n}" for n in keras_recur.zoo.__all__} <= set(described)
    assert "keras_recur.new" in described
    assert "keras_recur.losses.IterationLoss" in described  # Offered as a loss too.
    assert "keras_recur.losses.IterationLoss" not in described


def test_docstrings_in_keras_style():
    read = importlib.import_module("keras_docstrings").as_rst
    lines = ["Returns:", "    A table: its rows", "    are two.", "", "Raises:"]
    expected = [":returns: A table: its rows", "    are two.", "", "Raises:"]
    assert read(lines) == expected
    assert read(["[A 2015](https://a.b), and `[c](d)`."]) == [
        "`A 2015 <https://a.b>`__, and `[c](d)`."
    ]
