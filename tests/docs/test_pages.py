"""The pages that are generated from the code; `make test` builds them all."""

import importlib
import re
import types
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


def test_family_page_marks_the_source_of_each_number():
    pages = importlib.import_module("family_pages")
    family = zoo.describe("scnn")
    entries = pages.entries_of("scnn", ROOT)
    assert [entry.name for entry in entries] == ["scnn-shortest_paths"]
    costs = zoo.build("scnn", width=4, initializer="zeros").costs()
    text = pages.page(family, costs, entries, ROOT)
    counted, published, measured = re.split("## Reported|## Measured", text)
    assert (
        "Counted for one example" in counted and f"{costs.recurrent.macs:,}" in counted
    )
    for count in family.reported:
        row = f"{count.recurrent:,} | {count.feedforward:,} | reported"
        assert row in published
    assert "Measured here: `zoo/scnn-shortest_paths/results.json`" in measured
    for network in read_entry(entries[0])["summary"].values():
        for size in network["sizes"]:
            assert percent(size["mean"], size["standard_error"]) in measured


def test_reference_describes_every_public_name_once(tmp_path, monkeypatch):
    # A new function of the package appears without an edit of the documentation.
    monkeypatch.setattr(keras_recur, "new", zoo.build, raising=False)
    monkeypatch.setattr(keras_recur, "__all__", [*keras_recur.__all__, "new"])
    importlib.import_module("reference_pages").write(tmp_path)
    text = "\n".join(path.read_text() for path in tmp_path.glob("*.rst"))
    described = re.findall(r"auto(?:class|function):: (\S+)", text)
    assert len(described) == len(set(described))
    assert {f"keras_recur.zoo.{n}" for n in keras_recur.zoo.__all__} <= set(described)
    assert "keras_recur.new" in described
    assert "keras_recur.losses.IterationLoss" in described
    assert "keras_recur.training.IterationLoss" not in described
    # `callbacks` is a facade: nothing but it offers these names.
    offered = {f"keras_recur.callbacks.{n}" for n in keras_recur.callbacks.__all__}
    assert offered <= set(described)


def test_as_rst_reads_docstrings_in_keras_style():
    read = importlib.import_module("keras_docstrings").as_rst
    lines = ["Returns:", "    A table: its rows", "    are two.", "", "Raises:"]
    expected = [":returns: A table: its rows", "    are two.", "", "Raises:"]
    assert read(lines) == expected
    assert read(["[A 2015](https://a.b), and `[c](d)`."]) == [
        "`A 2015 <https://a.b>`__, and `[c](d)`."
    ]


def test_cli_page_lists_every_command_and_option(tmp_path):
    importlib.import_module("cli_pages").write(tmp_path / "cli.md")
    text = (tmp_path / "cli.md").read_text("utf-8")
    commands = {name.split()[0] for name in re.findall(r"(?m)^### (.+)", text)}
    assert commands >= {"list", "show", "compare", "experiment", "search", "export"}
    assert "| `--data` |" in text and "| `--widths` |" in text
    assert "keras-recur compare NAME [OPTIONS]" in text


def test_results_page_links_to_pages_of_the_site():
    generated = importlib.import_module("generated")
    source = ["[a](../zoo/experiments/text) and [b](../zoo/feedback-digits)"]
    app = types.SimpleNamespace(srcdir=ROOT / "docs")
    generated.link_pages(app, "index", source)
    assert "../zoo" in source[0]
    generated.link_pages(app, "results", source)
    assert source == ["[a](experiments/text.md) and [b](families/feedback.md)"]
