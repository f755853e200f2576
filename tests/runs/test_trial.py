"""Trials: finished, resumed, diverged, failed, without room on the disk."""

import dataclasses
import math

import keras
import numpy as np
import pytest

from keras_recur import runs
from keras_recur.data import ArrayDataset
from keras_recur.reports.run_plots import draw_all
from keras_recur.reports.run_report import footnote, headline
from keras_recur.runs import trial as trial_module
from keras_recur.runs.summary import counted, guess, is_finished, summarize
from keras_recur.runs.trial import Trial, check_finite, run_trial
from keras_recur.training import Recipe, TrainingDiverged

GUESSED = {"score": 0.5}


def network():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])


def examples():
    x = np.linspace(-1, 1, 32, dtype="float32").reshape(16, 2)
    return ArrayDataset(x, np.arange(16) % 2, 8)


def trial(**changes):
    usual = Trial(
        network=network,
        recipe=Recipe("sgd", 0.1, epochs=2, batch_size=8),
        train_data=examples,
        validation_data=examples,
        seed=3,
        score=lambda model: {"score": 1.0},
        guess=lambda model: dict(GUESSED),
    )
    return dataclasses.replace(usual, **changes)


def test_run_trial_scores_a_finished_network(tmp_path):
    row = run_trial(trial(), tmp_path)
    assert (row["status"], row["seed"], row["score"]) == ("finished", 3, 1.0)
    assert len(row["history"]["loss"]) == 2 and row["seconds"] > 0
    assert row["provenance"]["backend"] == keras.backend.backend()


def test_run_trial_refuses_other_data_than_earlier_results(tmp_path):
    digest = run_trial(trial(), tmp_path / "first")["data_digest"]
    again = run_trial(trial(made_with=digest, seed=4), tmp_path / "second")
    assert again["data_digest"] == digest

    def others():
        x, y = examples().x.copy(), examples().y
        x[-1, -1] += 1e-3
        return ArrayDataset(x, y, 8)

    for name in ("train_data", "validation_data"):
        other = trial(made_with=digest, **{name: others})
        with pytest.raises(ValueError, match="The data are not those that earlier"):
            run_trial(other, tmp_path / "third")
    assert not (tmp_path / "third").exists()
    # Made examples differ with the seed: what they are validated by does not.
    digest = run_trial(trial(made=True), tmp_path / "fourth")["data_digest"]
    other = trial(made=True, made_with=digest, train_data=others)
    assert run_trial(other, tmp_path / "fifth")["status"] == "finished"


@pytest.mark.parametrize("key", ["loss", "val_loss"])
def test_run_trial_fails_on_a_last_loss_that_is_not_finite(key, tmp_path, monkeypatch):
    history = {"loss": [1.0, 1.0], "val_loss": [1.0, 1.0], "seconds": [0.1, 0.1]}
    history[key] = [1.0, math.nan]
    monkeypatch.setattr(trial_module, "fit", lambda *args, **others: history)
    row = run_trial(trial(), tmp_path)
    assert (row["status"], row["score"]) == ("diverged", GUESSED["score"])


def test_run_trial_resumes_from_the_last_epoch(tmp_path):
    whole = run_trial(trial(), tmp_path / "whole")

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(trial(callbacks=[Stop()]), tmp_path / "cut")
    cut = run_trial(trial(), tmp_path / "cut")
    assert cut["history"]["loss"] == pytest.approx(whole["history"]["loss"], abs=1e-7)


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": Recipe("sgd", 1e38, epochs=4, batch_size=8)}, "loss became"),
    ],
)
def test_run_trial_counts_divergence_as_guessing(changes, message, tmp_path):
    row = run_trial(trial(**changes), tmp_path)
    assert row["status"] == "diverged" and message in row["message"]
    assert row["score"] == GUESSED["score"] and not is_finished(row)


def broken(error):
    def raises():
        raise error

    return raises


@pytest.mark.once
@pytest.mark.parametrize("last", [math.nan, math.inf])
def test_check_finite_refuses_a_last_validation_loss(last):
    """The last step may have gone wrong, and no later one has noticed."""
    with pytest.raises(TrainingDiverged, match="validation examples"):
        check_finite({"loss": [1.0, 1.0], "val_loss": [1.0, last]})


@pytest.mark.once
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError("40 GB"), "out of memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: OOM when allocating"), "out of memory"),
        (TypeError("a bug"), "failed"),
    ],
)
def test_run_trial_survives_failures_if_asked(error, status, tmp_path):
    with pytest.raises(type(error)):
        run_trial(trial(network=broken(error)), tmp_path)
    row = run_trial(trial(network=broken(error), survives=True), tmp_path)
    assert row["status"] == status and row["score"] == GUESSED["score"]
    assert type(error).__name__ in row["message"] and "Traceback" in row["traceback"]


@pytest.mark.once
def test_run_trial_raises_errors_of_data_and_disk(tmp_path, monkeypatch):
    """A full disk, missing data and a foreign checkpoint are errors, not rows."""
    asked = trial(survives=True)
    missing = dataclasses.replace(asked, train_data=broken(ValueError("no data")))
    with pytest.raises(ValueError, match="no data"):
        run_trial(missing, tmp_path / "a")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_recur._files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run_trial(asked, tmp_path / "b")
    monkeypatch.undo()
    run_trial(asked, tmp_path / "c")
    other = Recipe("sgd", 0.2, epochs=2, batch_size=8)
    with pytest.raises(ValueError, match="another configuration"):
        run_trial(dataclasses.replace(asked, recipe=other), tmp_path / "c")


@pytest.mark.once
@pytest.mark.parametrize(
    ("data", "score"),
    [("digits", 0.1), ("cifar100", 0.01), ("prefix_sums", 0), ("shortest_paths", 0)],
)
def test_guess_is_chance_over_classes_and_0_over_whole_examples(data, score):
    assert guess(data) == pytest.approx(score)
    assert guess("anything of one's own") == 0


def of_three_seeds(third):
    entry = runs.make_entry(
        "mlp", "digits", quick=True, model={"width": 4, "iterations": 2}
    )
    result = {"seconds": 1.0, "provenance": {}, "history": {"val_accuracy": [0.9] * 12}}
    tests = [{"size": None, "iterations": 2, "accuracy": 0.9, "curve": [0.8, 0.9]}]
    results = [
        {**result, "twin": twin, "seed": s, "status": "finished", "tests": tests}
        for twin in ("recurrent", "feedforward")
        for s in (0, 1)
    ]
    results.append({**results[0], "seed": 2, **third})
    summary = summarize(entry, results)
    costs = entry.pair(0).costs().as_dict()
    return {
        "name": entry.name,
        "entry": entry.as_dict(),
        "costs": costs,
        "runs": results,
        "summary": summary,
    }


@pytest.mark.once
@pytest.mark.parametrize(
    "third",
    [
        {"status": "diverged", "message": "NaN", "tests": []},
        {"history": {"val_loss": [1.0, math.nan], "val_accuracy": [0.9] * 12}},
    ],
)
def test_failed_seeds_are_in_every_mean_and_plot(third, tmp_path):
    results = of_three_seeds(third)
    found = results["summary"]["recurrent"]
    assert (found["seeds"], found["failed_seeds"], found["diverged_seeds"]) == (3, 1, 1)
    (size,) = found["sizes"]
    scores = [0.9, 0.9, 0.1]
    assert size["seeds"] == 3 and size["mean"] == pytest.approx(np.mean(scores))
    error = np.std(scores, ddof=1) / math.sqrt(3)
    assert size["standard_error"] == pytest.approx(error)
    curves = [
        r["tests"][0]["curve"]
        for r in counted(results["entry"], results["runs"], "recurrent")
    ]
    assert curves == [[0.8, 0.9], [0.8, 0.9], [0.1, 0.1]]
    assert "1 of 3 seeds of the recurrent network diverged" in headline(results)
    assert "counts as guessing (10 %)" in footnote(results)
    assert len(draw_all(results, tmp_path)) == 2
