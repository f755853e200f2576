"""Runs record whether loops settle, and reports and cards say it."""

import copy
import dataclasses
import json

import numpy as np
import pytest

from keras_recur import analysis, reports, runs
from keras_recur.reports.card import refresh_card, write_card
from keras_recur.reports.run_plots import draw_all
from keras_recur.reports.settling import settling_sentences
from keras_recur.runs.compare import write_results
from keras_recur.runs.settled import measure_settling, settled

pytestmark = pytest.mark.once


def test_compare_records_settling_of_the_recurrent_network(run):
    results = run.read_json("results.json")
    for result in results["runs"]:
        assert ("settling" in result) == (result["twin"] == "recurrent")
    assert "settling" not in results["summary"]["feedforward"]
    entry = run.entry()
    model = entry.pair(0).recurrent
    model.load_weights(run.twin(0, "recurrent") / "model.weights.h5")
    found = analysis.settling(model, entry.test_data(4))
    (first, _) = settled(results["entry"], results["runs"], "recurrent")
    np.testing.assert_array_equal(first.accuracy, found.accuracy)
    np.testing.assert_array_equal(first.periods, found.periods)
    assert first.iterations[-1] == 64 * 2 and len(first.periods) == 20
    tests = results["runs"][0]["tests"][0]["curve"]
    assert first.after(4) == tests[7]


def measured(results, accuracies, periods):
    """Return results in which the recurrent networks settle in a known way."""
    results = copy.deepcopy(results)
    mine = [r for r in results["runs"] if r["twin"] == "recurrent"]
    for result, accuracy, ends in zip(mine, accuracies, periods, strict=True):
        found = result["settling"]
        found["accuracy"] = [accuracy] * len(found["accuracy"])
        found["periods"] = ends
    return results


def rewritten(run, results):
    """Write changed results of the seeds, and return the new `results.json`."""
    for result in results["runs"]:
        name = f"seed-{result['seed']}/{result['twin']}/result.json"
        run.write_json(name, result)
    return write_results(run)


def test_report_and_card_say_whether_the_loop_settles(run, tmp_path):
    results = measured(
        run.read_json("results.json"), (1.0, 0.5), ([1, 1, 1, 0], [1, 2, 5, 5])
    )
    results = rewritten(run, results)
    sentence = settling_sentences(results)
    assert sentence == (
        "After 128 iterations (64 times the trained 2), the recurrent network solves "
        "75.0 ± 25.0 % of the first 4 test examples of size 4, compared with 75.0 ± "
        "25.0 % after 2. The states of 50.0 ± 25.0 % are fixed points, those of 37.5 ± "
        "37.5 % are cycles (periods 2, 5), and those of 12.5 ± 12.5 % are neither."
    )
    assert sentence in reports.write_report(run).read_text()
    place = write_card(run.path, tmp_path / "zoo")
    card = (place / "README.md").read_text()
    assert sentence in card and "plots/settling.png" in card
    assert refresh_card(place) == place
    assert (place / "README.md").read_text() == card


def test_failed_seeds_count_as_diverged(run):
    results = measured(run.read_json("results.json"), (1.0, 1.0), ([1], [1]))
    second = [r for r in results["runs"] if r["twin"] == "recurrent"][1]
    second["status"] = "diverged"
    del second["settling"]
    found = rewritten(run, results)["summary"]["recurrent"]["settling"]
    assert [a["mean"] for a in found["accuracy"]] == [0.5] * 4
    assert found["diverged"]["mean"] == found["fixed_points"]["mean"] == 0.5
    sentence = settling_sentences(run.read_json("results.json"))
    assert "those of 50.0 ± 50.0 % are not finite" in sentence


def test_results_without_settling_have_no_such_section(run, tmp_path):
    now = run.read_json("results.json")
    with_it = [name for name, _ in draw_all(now, tmp_path)]
    for result in now["runs"]:
        result.pop("settling", None)
    old = rewritten(run, now)
    assert all("settling" not in found for found in old["summary"].values())
    assert settling_sentences(old) == ""
    without = [name for name, _ in draw_all(old, tmp_path)]
    assert [n for n in with_it if n not in without] == ["settling.png"]
    page = reports.write_report(run).read_text()
    assert "fixed points" not in page and "settling" not in page
    assert (
        "settling"
        not in write_card(run.path, tmp_path).joinpath("README.md").read_text()
    )


def test_settling_needs_all_finished_seeds(run):
    results = run.read_json("results.json")
    del [r for r in results["runs"] if r["twin"] == "recurrent"][0]["settling"]
    assert settled(results["entry"], results["runs"], "recurrent") == []


def test_report_refuses_damaged_settling(run):
    results = run.read_json("results.json")
    results["runs"][0]["settling"] = {"periods": "many"}
    (run.path / "results.json").write_text(json.dumps(results))
    with pytest.raises(ValueError, match="settling"):
        reports.write_report(run)


def image_entry(family, **model):
    return runs.make_entry(
        family, "digits", quick=True, num_examples=40, model={"width": 2, **model}
    )


def test_settling_of_images_and_of_networks_that_cannot_run_on():
    entry = image_entry("mlp", iterations=2)
    found = measure_settling(entry, entry.pair(0).recurrent)["settling"]
    assert found["iterations"][-1] == 128 and 20 <= len(found["periods"]) <= 100
    assert measure_settling(entry, entry.pair(0).feedforward) == {}
    graph = image_entry("frnn", iterations=3)
    assert measure_settling(graph, graph.pair(0).recurrent) == {}


def test_settling_of_expensive_networks_uses_fewer_examples(entry, monkeypatch):
    model = entry.pair(0).recurrent
    more = dataclasses.replace(entry, test_examples=200)

    def count():
        return len(measure_settling(more, model)["settling"]["periods"])

    assert count() == 100
    monkeypatch.setattr("keras_recur.runs.settled.MAX_MACS", 1)
    assert count() == 20
