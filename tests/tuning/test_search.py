"""Whole searches: rows, resuming, failures, the winner."""

import json
import shutil

import numpy as np
import pytest
from kill_search import kill_search
from tiny_search import TINY

from keras_recur import data, tuning
from keras_recur._child import thread_limits
from keras_recur.runs import trial
from keras_recur.tuning import _peak_memory, workers
from keras_recur.tuning._shared_study import SharedStudy
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.settings import SearchSettings

ONE_SEED = {**TINY, "seeds": 1}


def plan_of(**settings):
    return SearchPlan(SearchSettings(**settings))


def run(folder, **changes):
    return tuning.search(**{**ONE_SEED, "directory": folder, **changes})


def contents(folder):
    return {p.name: p.read_bytes() for p in (folder / "rows").glob("*.json")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "tiny"
    return folder, run(folder)


def test_search_writes_rows_and_a_winner(finished):
    folder, result = finished
    assert len(result.rows) == len(contents(folder)) == 2 * 2 * 2
    plan = plan_of(**ONE_SEED)
    for row in result.rows:
        assert row["status"] == "finished" and 0 <= row["accuracy"] <= 1
        assert len(row["curve"]) == row["iterations"]
        assert row["accuracy"] == row["curve"][-1]
        assert row["seconds"] > 0 and row["provenance"]["backend"]
        found = tuning.Configuration(row["width"], row["iterations"], row["sharing"])
        assert row["macs"] == plan.space.costs(found).macs
    winner = result.content["winner"]
    best = result.best()
    assert winner["configuration"] == best.configuration
    found = tuning.Configuration(
        *(best.metrics[k] for k in tuning.Configuration._fields)
    )
    assert winner["seeds"] == [1] and len(winner["test_accuracy"]) == 1
    pair = best.pair()
    twin = pair.feedforward if found.sharing == "none" else pair.recurrent
    row = next(r for r in result.rows if r["configuration"] == best.configuration)
    validation = plan.entry(found, 0.1).phase_validation_data("recurrent")
    hits = [twin.predict_on_batch(x).argmax(-1) == y for x, y in validation]
    assert np.concatenate(hits).mean() == pytest.approx(row["accuracy"])


def test_search_repeats_no_completed_run(finished, monkeypatch):
    folder, result = finished
    before = contents(folder)
    monkeypatch.setattr(trial, "fit", None)  # A run would raise.
    again = run(folder)
    assert contents(folder) == before
    assert str(again) == str(result)
    assert str(tuning.load_search(folder)) == str(result)


def test_search_refuses_other_data(finished, tmp_path, monkeypatch):
    folder = shutil.copytree(finished[0], tmp_path / "tiny")
    gone = sorted((folder / "rows").iterdir())[2]
    gone.unlink()
    before = contents(folder)
    load = data.load

    def changed(*arguments, **others):
        found = load(*arguments, **others)
        found.x[0] += 1
        return found

    monkeypatch.setattr(data, "load", changed)
    with pytest.raises(ValueError, match="The data are not those that earlier results"):
        run(folder)
    assert contents(folder) == before


def test_search_trains_a_missing_run_with_the_same_result(finished):
    folder, result = finished
    before = {name: json.loads(text) for name, text in contents(folder).items()}
    name = sorted(before)[3]
    (folder / "rows" / name).unlink()
    run(folder)
    after = {name: json.loads(text) for name, text in contents(folder).items()}
    assert after.keys() == before.keys()
    assert after[name]["accuracy"] == pytest.approx(before[name]["accuracy"])
    assert {k: v for k, v in after.items() if k != name} == {
        k: v for k, v in before.items() if k != name
    }


@pytest.mark.once
def test_search_reports_progress(finished, tmp_path):
    folder, result = finished
    shutil.copytree(folder, tmp_path / "a")
    for path in sorted((tmp_path / "a" / "rows").iterdir())[:3]:
        path.unlink()
    seen, lines = [], []
    run(tmp_path / "a", progress=seen.append, report=lines.append)
    # Earlier rows are counted, not reported. One of the 9 runs is the winner's.
    assert [(p.done, p.running) for p in seen] == [
        *((done, 1) for done in (6, 7, 8, 9)),
        (9, 0),
    ]
    assert len(lines) == 3 and all("seed" in line for line in lines)
    assert {p.total for p in seen} == {9}
    assert seen[0].seconds_left > 0 == seen[-1].seconds_left
    assert seen[-1].best == result.best().configuration


@pytest.mark.once
def test_processes_share_the_fresh_seeds_of_the_winner(tmp_path):
    asked = {"widths": [4], "iterations": [1], "sharing": ["all"], "fresh_seeds": 3}
    folder, seeds = SearchFolder(tmp_path / "a"), []
    with SharedStudy(folder.path) as other:

        def report(line):
            seeds.append(int(line.split("seed ")[1][0]))
            if len(seeds) == 1:  # Another process trains the winner on seed 2.
                other.open(folder.study_name(), ["maximize"])
                assert other.claim("winner w4-t1-all-s2")
            elif len(seeds) == 3:
                other.release("winner w4-t1-all-s2")

        result = run(folder.path, report=report, **asked)
    assert seeds == [0, 1, 3, 2]
    assert result.content["winner"]["seeds"] == [1, 2, 3]


@pytest.mark.once
@pytest.mark.parametrize("oracle", ["random", "bayesian", "hyperband", "optuna"])
def test_search_with_sampling_oracles(oracle, tmp_path):
    small = {
        "fresh_seeds": 0,
        "oracle": oracle,
        "learning_rate": [0.1, 0.01],
    }
    trials = {} if oracle == "hyperband" else {"max_trials": 4}
    result = run(tmp_path / "a", **small, **trials)
    names = {row["configuration"] for row in result.rows}
    assert len(names) >= 2 and all("-lr" in name for name in names)
    assert ("-e" in "".join(names)) == (oracle == "hyperband")
    before = contents(tmp_path / "a")
    run(tmp_path / "a", **small, **trials)
    assert contents(tmp_path / "a") == before


@pytest.mark.once
def test_search_writes_failures_as_rows(tmp_path, monkeypatch):
    real = trial.fit

    def failing(model, *args, **kwargs):
        width = model.get_layer("recurrent").output.shape[-1]
        if width == 8:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes")
        if "feed" in str(kwargs["directory"]) or "none" in str(kwargs["directory"]):
            raise TypeError("a bug")
        return real(model, *args, **kwargs)

    monkeypatch.setattr(trial, "fit", failing)
    result = run(tmp_path / "a", fresh_seeds=0)
    found = {(r["width"], r["sharing"]): r["status"] for r in result.rows}
    assert found == {
        (4, "all"): "finished",
        (8, "all"): "out of memory",
        (4, "none"): "failed",
        (8, "none"): "out of memory",
    }
    row = next(r for r in result.rows if r["status"] == "failed")
    assert row["message"] == "TypeError: a bug" and "Traceback" in row["traceback"]
    assert result.best().configuration.endswith("all")


@pytest.mark.once
def test_search_without_a_finished_run(tmp_path, monkeypatch):
    def failing(*args, **kwargs):
        raise TypeError("a bug")

    monkeypatch.setattr(trial, "fit", failing)
    result = run(tmp_path / "a")
    assert result.content["winner"] is None
    assert {r["status"] for r in result.rows} == {"failed"}
    assert "failed" in str(result)


@pytest.mark.once
def test_search_resumes_after_a_full_disk(tmp_path, monkeypatch):
    real, written = SearchFolder.write_row, []

    def full(self, name, row, fresh=False):
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        written.append(name)
        real(self, name, row, fresh)

    monkeypatch.setattr(SearchFolder, "write_row", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path / "a", fresh_seeds=0)
    before = contents(tmp_path / "a")
    assert len(before) == 3
    monkeypatch.setattr(SearchFolder, "write_row", real)
    run(tmp_path / "a", fresh_seeds=0)
    after = contents(tmp_path / "a")
    assert len(after) == 8 and before.items() <= after.items()


@pytest.mark.once
def test_search_trains_twins(tmp_path):
    result = run(tmp_path / "a", widths=[4], sharing=["all"], twins=True, fresh_seeds=0)
    assert sorted(r["configuration"] for r in result.rows) == [
        "w4-t1-all",
        "w4-t1-none",
        "w4-t2-all",
        "w4-t2-none",
    ]


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": [4, 16]}, r"another search. It differs in widths: \[4, 8\], not"),
        ({"oracle": "greedy"}, "`oracle`.*Received: oracle='greedy'"),
        ({"seeds": []}, "`seeds` must have at least 1 item"),
        ({"seeds": [-1]}, r"`seeds\[0\]` must be.*=-1"),
        ({"max_trials": 0}, "`max_trials` must be.*max_trials=0"),
        ({"data": "digit"}, "Did you mean 'digits'"),
        ({"workers": -1}, "`workers` must be.*workers=-1"),
    ],
)
def test_search_refuses_invalid_arguments(changes, message, finished):
    folder, _ = finished
    before = contents(folder)
    with pytest.raises(ValueError, match=message):
        run(folder, **changes)
    assert contents(folder) == before


@pytest.mark.parametrize(("peak", "expected"), [(900, None), (1000, None), (1300, 300)])
def test_peak_memory_is_the_growth_of_a_run(peak, expected, monkeypatch):
    watched = _peak_memory.PeakMemory.__new__(_peak_memory.PeakMemory)
    watched._device, watched._before = None, 1000
    monkeypatch.setattr(_peak_memory, "_resident", lambda name: peak)
    assert watched.read() == expected


def test_search_refuses_a_folder_with_other_files(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(ValueError, match="not empty and holds no search"):
        run(tmp_path)
    with pytest.raises(ValueError, match="has no search.json"):
        tuning.load_search(tmp_path)


@pytest.mark.once
def test_workers_share_the_cores(monkeypatch):
    cores = set(range(8))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: cores, raising=False)
    limits = [thread_limits(workers._share(n)) for n in (1, 3, 20)]
    assert "--xla_cpu_multi_thread_eigen=false" in limits[-1].pop("XLA_FLAGS")
    assert [set(found.values()) for found in limits] == [{"8"}, {"2"}, {"1"}]


@pytest.mark.once("jax")
def test_search_resumes_after_kills():
    # Run tests/tuning/kill_search.py for more kills, of workers too.
    assert kill_search(1, workers=0, seed=3) == ["search"]


@pytest.mark.once("jax")
def test_workers_train_the_same_networks_as_one_process(finished, tmp_path):
    folder, _ = finished
    lines, seen = [], []
    run(tmp_path / "a", workers=2, report=lines.append, progress=seen.append)
    alone, together = (
        {r["configuration"] + str(r["seed"]): r["accuracy"] for r in rows}
        for rows in (
            tuning.load_search(folder).rows,
            tuning.load_search(tmp_path / "a").rows,
        )
    )
    assert alone == pytest.approx(together, abs=0.02)
    assert len(lines) == len(set(lines)) == 9  # A line for every run.
    assert seen[0].done == 0 and seen[0].total == 9
    assert max(found.running for found in seen) == 2
    assert (seen[-1].done, seen[-1].running, seen[-1].seconds_left) == (9, 0, 0)
    logs = {path.stem for path in (tmp_path / "a" / "logs").iterdir()}
    assert logs == {"worker-0", "worker-1"}


def test_grid_refuses_a_range(tmp_path):
    with pytest.raises(ValueError, match="A grid needs a list of learning rates"):
        run(tmp_path / "a", learning_rate=(1e-3, 1e-2))
    assert not (tmp_path / "a").exists()


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "runs"),
    [
        ({}, 16),
        ({"sharing": ["all"], "twins": True}, 16),
        ({"twins": True}, 16),  # The grid contains the twins already.
        ({"max_trials": 3, "learning_rate": [0.1, 0.01]}, 6),
        ({"oracle": "random"}, 16),  # The space has no more networks.
        ({"oracle": "random", "max_trials": 3, "twins": True}, 12),
        ({"oracle": "optuna", "learning_rate": (1e-3, 1e-2)}, 40),
        ({"oracle": "hyperband"}, None),
    ],
)
def test_plan_counts_runs(changes, runs):
    assert plan_of(**{**TINY, **changes}).runs() == runs


def test_search_refuses_the_environment_of_a_chief(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker-1")
    with pytest.raises(ValueError, match="Unset KERASTUNER_TUNER_ID"):
        run(tmp_path / "a")
    assert not (tmp_path / "a").exists()
