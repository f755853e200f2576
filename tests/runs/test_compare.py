"""A whole comparison: finished, interrupted, continued, diverged, refused."""

import csv
import dataclasses
import json
import math

import h5py
import numpy as np
import pytest

from keras_recur import data, reports, runs
from keras_recur.analysis import iteration_curve
from keras_recur.runs.compare import compare
from keras_recur.runs.summary import mean_and_error, percent, span
from keras_recur.training import Recipe


def weights(folder, seed, twin):
    found = {}
    path = folder / f"seed-{seed}" / twin / "model.weights.h5"
    with h5py.File(path) as file:
        file.visititems(
            lambda name, x: found.update({name: x[()]} if hasattr(x, "shape") else {})
        )
    return found


def test_compare_writes_all_files(entry, run):
    results = run.read_json("results.json")
    assert [(r["seed"], r["twin"]) for r in results["runs"]] == [
        (0, "recurrent"),
        (0, "feedforward"),
        (1, "recurrent"),
        (1, "feedforward"),
    ]
    for result in results["runs"]:
        assert len(result["history"]["loss"]) == 2
        assert result["provenance"]["backend"] in ("tensorflow", "jax", "torch")
        for test in result["tests"]:
            assert test["accuracy"] == test["curve"][test["iterations"] - 1]
    # The recurrent network runs on, its twin cannot.
    lengths = {r["twin"]: len(r["tests"][0]["curve"]) for r in results["runs"]}
    assert lengths == {"recurrent": entry.test_iterations, "feedforward": 2}
    accuracies = [r["tests"][1]["accuracy"] for r in results["runs"][::2]]
    size = results["summary"]["recurrent"]["sizes"][1]
    assert size["mean"] == pytest.approx(np.mean(accuracies))
    assert size["standard_error"] == pytest.approx(
        np.std(accuracies, ddof=1) / math.sqrt(2)
    )
    with open(run.path / "results.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * (entry.test_iterations + 2)
    assert {"keras", "backend_version", "processor", "date"} <= set(rows[0])


@pytest.mark.once
def test_compare_resumed_equals_uninterrupted(entry, run, tmp_path):
    class Interrupting(runs.Progress):
        def epochs(self, seed, twin, total):
            callback = super().epochs(seed, twin, total)
            before = callback.on_epoch_end

            def on_epoch_end(epoch, logs=None):
                before(epoch, logs)
                if twin == "feedforward" and epoch == 0:
                    raise KeyboardInterrupt

            callback.on_epoch_end = on_epoch_end
            return callback

    with pytest.raises(KeyboardInterrupt):
        compare(entry, tmp_path / "cut", [0], progress=Interrupting(quiet=True))
    done = tmp_path / "cut/seed-0/recurrent/result.json"
    finished = done.read_bytes()
    assert not (tmp_path / "cut/seed-0/feedforward/result.json").exists()
    with pytest.raises(ValueError, match="--resume"):
        compare(entry, tmp_path / "cut", [0])
    compare(entry, tmp_path / "cut", [0], resume=True)
    assert done.read_bytes() == finished
    for twin in ("recurrent", "feedforward"):
        whole, cut = (weights(f, 0, twin) for f in (run.path, tmp_path / "cut"))
        assert whole.keys() == cut.keys() and whole
        for name in whole:
            np.testing.assert_allclose(cut[name], whole[name], atol=1e-7)


@pytest.mark.once
def test_compare_refuses_other_data(entry, run, monkeypatch):
    load = data.load

    def changed(name, split, *arguments, **others):
        found = load(name, split, *arguments, **others)
        if split == "validation":
            found.x[0] *= -1
        return found

    monkeypatch.setattr(data, "load", changed)
    with pytest.raises(ValueError, match="The data are not those that earlier results"):
        compare(entry, run.path, [2], resume=True)
    assert not (run.path / "seed-2").exists()
    compare(entry, run.path, [0, 1], resume=True)  # Nothing is left to train.


def test_compare_refuses_another_configuration(entry, run):
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    wider = dataclasses.replace(entry, model={**entry.model, "width": 8})
    with pytest.raises(ValueError, match=r"another configuration.*model.width: 4, not"):
        compare(wider, run.path, [0], resume=True)
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before


def test_compare_refuses_a_folder_without_a_run(entry, tmp_path):
    (tmp_path / "thesis.tex").write_text("important")
    with pytest.raises(ValueError, match="holds no run"):
        compare(entry, tmp_path, [0])


def test_compare_names_and_repeats_a_truncated_result(entry, run):
    result = run.path / "seed-0/recurrent/result.json"
    accuracy = json.loads(result.read_text())["tests"]
    result.write_bytes(result.read_bytes()[:100])
    with pytest.raises(ValueError, match="result.json is damaged.*Remove it"):
        compare(entry, run.path, [0], resume=True)
    result.unlink()
    compare(entry, run.path, [0], resume=True)
    assert json.loads(result.read_text())["tests"] == accuracy


@pytest.mark.once
def test_compare_continues_after_a_diverged_seed(entry, tmp_path):
    wild = Recipe("sgd", 1e30, epochs=2, batch_size=20)
    entry = dataclasses.replace(entry, recipes={**entry.recipes, "recurrent": wild})
    results = compare(entry, tmp_path, [0])
    first, second = results["runs"]
    assert first["status"] == "diverged" and "epoch 1 of 2" in first["message"]
    assert second["status"] == "finished"
    assert results["summary"]["recurrent"]["failed_seeds"] == 1
    assert [s["mean"] for s in results["summary"]["recurrent"]["sizes"]] == [0, 0]


@pytest.mark.once
def test_compare_resumes_after_a_full_disk_and_adds_seeds(entry, run, monkeypatch):
    before = (run.path / "results.json").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_recur._files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        compare(entry, run.path, [2], ["recurrent"], resume=True)
    assert (run.path / "results.json").read_bytes() == before
    assert not list(run.path.rglob("*.partial"))
    monkeypatch.undo()
    results = compare(entry, run.path, [2], ["recurrent"], resume=True)
    assert [r["seed"] for r in results["runs"]] == [0, 0, 1, 1, 2]


def test_mean_and_error():
    assert mean_and_error([2.0]) == (2.0, None)
    assert mean_and_error([1.0, 3.0]) == (2.0, 1.0)
    assert percent(0.982, 0.004) == "98.2 ± 0.4 %"
    assert percent(0.5, None) == "50.0 %"
    assert span([8]) == "8" and span([12, 8, 9]) == "8-12"


def test_weight_files_have_no_optimizer_state(run):
    for twin in ("recurrent", "feedforward"):
        names = weights(run.path, 0, twin)
        assert names and not any(name.startswith("optimizer") for name in names)


@pytest.mark.once
def test_compare_trains_every_readout(entry, tmp_path):
    recipe = Recipe(
        "sgd",
        1e-9,
        epochs=2,
        batch_size=20,
        loss_weights=[0.0, 0.0],
        anneal_from=[1.0, 0.0],
        anneal_epochs=1,
    )
    entry = dataclasses.replace(
        entry, recipes={"recurrent": recipe, "feedforward": recipe}
    )
    results = compare(entry, tmp_path, [0])
    costs = entry.pair(0).costs().as_dict()
    assert results["costs"] == costs  # Those of answering once.
    for result in results["runs"]:
        twin = result["twin"]
        first, later = result["history"]["loss"]
        assert first > 0.1 and later == 0.0
        # The weights are those of a network that answers once.
        model = getattr(entry.pair(1), twin)
        model.load_weights(tmp_path / f"seed-0/{twin}/model.weights.h5")
        steps = len(result["tests"][0]["curve"])
        curve = iteration_curve(model, entry.test_data(4), steps)
        np.testing.assert_allclose(curve, result["tests"][0]["curve"], atol=0.051)
    assert reports.write_report(runs.RunFolder(tmp_path)).exists()
