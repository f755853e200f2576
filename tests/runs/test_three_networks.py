"""The shortest-path comparison: three networks, a curriculum, folded networks."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest

from keras_recur import analysis, reports, runs, zoo
from keras_recur.reports.card import write_card, zoo_table
from keras_recur.reports.run_report import accuracy_table, footnote, networks_table
from keras_recur.runs import Entry, make_entry
from keras_recur.runs.compare import compare, write_results
from keras_recur.runs.summary import size_label
from keras_recur.training import Recipe

pytestmark = pytest.mark.once  # What it is made of is tested on every backend.
NETWORKS = ("recurrent", "feedforward", "regularized")


def tiny_paths():
    made = make_entry(
        "scnn",
        "shortest_paths",
        quick=True,
        size=6,
        num_examples=20,
        model={"width": 4, "iterations": 3},
    )
    recipe = Recipe("adam", 1e-2, epochs=3, batch_size=10)
    return dataclasses.replace(
        made,
        recipes={"recurrent": recipe, "feedforward": recipe},
        test_examples=10,
        test_sizes=((6, 9), (12, 17)),
        phases=(3, 5, 7),
        # One template: its layers are one layer, up to scale, without long training.
        variants={"regularized": {"templates": 1, "recurrence_penalty": 0.5}},
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paths") / "run"
    compare(tiny_paths(), folder, [0])
    return runs.RunFolder(folder)


def test_entry_defaults_survive_json():
    for quick in (False, True):
        entry = make_entry("scnn", "shortest_paths", quick=quick)
        assert Entry.from_dict(json.loads(json.dumps(entry.as_dict()))) == entry
        assert entry.networks == NETWORKS and entry.metric == "f1"
        assert entry.recipe("regularized") == entry.recipes["recurrent"]
    assert entry.phases == (5, 9, 13, 17)
    assert entry.test_sizes == ((24, 17), (24, 33), (48, 17), (48, 33))


@pytest.mark.parametrize(
    ("family", "data", "model", "banks"),
    [
        ("scnn", "shortest_paths", {}, True),
        ("scnn", "shortest_paths", {"sharing": "all"}, False),
        ("deep_thinking_1d", "prefix_sums", {}, False),
        ("deep_thinking_1d", "prefix_sums", {"templates": 2}, True),
    ],
)
def test_entries_with_banks(family, data, model, banks):
    assert make_entry(family, data, quick=True, model=model).has_banks == banks


def test_entry_networks_differ_in_their_variants():
    entry = tiny_paths()
    models = {name: entry.network(name, seed=0) for name in entry.networks}
    assert len(models["regularized"].losses) == 1 and not models["recurrent"].losses
    assert models["feedforward"].name == "cnn"
    for network, templates in (("recurrent", 3), ("regularized", 1)):
        (bank,) = models[network].get_layer("recurrent").banks
        assert bank.num_templates == templates


def test_entry_data_follow_the_curriculum():
    entry = tiny_paths()
    train, held_out = (
        entry.train_data("recurrent", 0),
        entry.phase_validation_data("recurrent"),
    )
    for data in (train, held_out):
        windows = [phase["window"] for phase in data.config()["phases"]]
        assert windows == [3, 5, 7] and data.epochs_per_phase == 1


def test_three_networks_are_trained_and_folded(finished):
    results = finished.read_json("results.json")
    assert [r["twin"] for r in results["runs"]] == list(NETWORKS)
    for result in results["runs"]:
        assert len(result["history"]["val_f1"]) == 3
        assert len(result["tests"]) == len(results["entry"]["test_sizes"])
        assert ("folded" in result) == (result["twin"] != "feedforward")
    folded = results["runs"][2]["folded"]
    assert list(folded["labels"].values()) == [[0, 0, 0]]
    assert folded["parameters"] < results["costs"]["recurrent"]["parameters"]
    # One layer, looped: it runs further than the three that were trained.
    assert len(folded["tests"][0]["curve"]) == results["entry"]["test_iterations"] > 3
    assert len(results["runs"][0]["tests"][0]["curve"]) == 3
    names = list(results["summary"])
    every = ("recurrent", "recurrent, recalibrated", "recurrent, folded")
    assert names[:5] == [*every, "feedforward", "feedforward, recalibrated"]
    assert (
        results["summary"]["regularized, folded"]["parameters"]
        == (folded["parameters"])
    )


def test_the_folded_score_is_that_of_the_folded_network(finished):
    """Again from the saved weights, without what `compare` had in memory."""
    entry, results = finished.entry(), finished.read_json("results.json")
    kept = results["runs"][2]["folded"]
    model = entry.network("regularized", 0)
    model.load_weights(finished.twin(0, "regularized") / "model.weights.h5")
    folded = analysis.fold(model, kept["threshold"])
    data = entry.train_data("regularized", 0)
    data.epoch = 2
    analysis.update_batch_norm(folded, data)
    curve = analysis.iteration_curve(folded, entry.test_data(entry.test_sizes[0]), 4)
    np.testing.assert_allclose(curve, kept["tests"][0]["curve"][:4], atol=1e-3)


def test_all_networks_are_scored_recalibrated_too(finished):
    """As the folded ones are, from the saved weights, which are as trained."""
    entry, results = finished.entry(), finished.read_json("results.json")
    for result in results["runs"]:
        twin, kept = result["twin"], result["recalibrated"]["tests"]
        model = entry.network(twin, 0)
        model.load_weights(finished.twin(0, twin) / "model.weights.h5")
        for tests in (result["tests"], kept):
            data = entry.test_data(entry.test_sizes[0])
            curve = analysis.iteration_curve(model, data, len(tests[0]["curve"]))
            np.testing.assert_allclose(curve, tests[0]["curve"], atol=1e-3)
            data = entry.train_data(twin, 0)
            data.epoch = 2
            analysis.update_batch_norm(model, data)
        found = results["summary"][f"{twin}, recalibrated"]["sizes"][0]
        assert found["mean"] == kept[0]["accuracy"]
    with open(finished.path / "results.csv") as file:
        names = {row["twin"] for row in csv.DictReader(file)}
    assert names == set(results["summary"])


def test_summary_omits_recalibration_of_some_networks(finished, tmp_path):
    """All columns or none; and what was published says that it was not done."""
    shutil.copytree(finished.path, tmp_path / "run")
    older = tmp_path / "run/seed-0/feedforward/result.json"
    result = json.loads(older.read_text())
    del result["recalibrated"]
    older.write_text(json.dumps(result))
    results = write_results(runs.RunFolder(tmp_path / "run"))
    assert not any("recalibrated" in name for name in results["summary"])
    assert "was not done for the other networks" in footnote(results)


def test_banks_without_normalization(tmp_path):
    entry = make_entry(
        "deep_thinking_1d",
        "prefix_sums",
        quick=True,
        size=4,
        num_examples=20,
        model={"width": 4, "iterations": 2, "templates": 1},
    )
    recipe = Recipe("adam", 1e-2, epochs=1, batch_size=10)
    recipes = {"recurrent": recipe, "feedforward": recipe}
    entry = dataclasses.replace(
        entry, recipes=recipes, test_examples=10, test_sizes=(4,)
    )
    results = compare(entry, tmp_path / "run", [0])
    assert list(results["summary"]) == ["recurrent", "recurrent, folded", "feedforward"]
    assert "keeping a scale each." in footnote(results)


def test_report_and_card(finished, tmp_path):
    page = reports.write_report(finished).read_text()
    results = finished.read_json("results.json")
    header, rows = accuracy_table(results)
    assert "regularized recurrent, folded" in [row[0] for row in rows]
    assert header[-1] == "failed seeds"
    parameters = {row[0]: row[1] for row in networks_table(results)[1]}
    twin = parameters["feed-forward twin"]
    assert parameters["feed-forward twin, recalibrated"] == twin
    assert parameters["recurrent, recalibrated"] == parameters["recurrent"] != twin
    for text in (
        *header[1:],
        "F1 of the marked positions",
        "cosine similarity of 0.9",
        "Recalibrated: ",
    ):
        assert text in page
    place = write_card(finished.path, tmp_path / "zoo")
    assert zoo_table(tmp_path / "zoo").count("regularized recurrent") == 3
    assert (place / "plots/training.png").exists()


def test_write_card_names_a_missing_network(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "run")
    (tmp_path / "run/seed-0/regularized/result.json").unlink()
    with pytest.raises(ValueError, match="seed 0 of the regularized recurrent missing"):
        write_card(tmp_path / "run", tmp_path / "zoo")


def test_make_entry_refuses_other_channels():
    with pytest.raises(ValueError, match="do not fit.*Data sets that fit"):
        make_entry("deep_thinking_2d", "shortest_paths")


def test_size_label():
    labels = [size_label(s) for s in (None, 16, (24, 17), [24, 17])]
    assert labels[:2] == ["test set", "size 16"]
    assert labels[2] == labels[3] == "size 24, window 17"


def test_compare_trains_networks_without_iterations(tmp_path):
    entry = make_entry("swrn", "cifar10")
    assert entry.recipes["recurrent"].cutout == 16
    assert "iterations" not in entry.model and entry.networks == NETWORKS[:2]
    assert zoo.describe("swrn").defaults["depth"] == 28
