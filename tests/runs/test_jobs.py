"""Several processes train the networks of one run."""

import contextlib
import dataclasses
import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

from keras_recur import experiments, runs, zoo
from keras_recur._child import ENOUGH, NETWORKS_PER_PROCESS
from keras_recur.runs import _jobs, _work
from keras_recur.runs.compare import compare

# Networks and training are tested on every backend; rows are compared on each below.
once = pytest.mark.once


def quick(epochs=2, **changes):
    return runs.make_entry(
        "mlp",
        "digits",
        quick=True,
        num_examples=64,
        model={"width": 4, "iterations": 2},
        recipe={"epochs": epochs, "milestones": (), **changes},
    )


def rows(results):
    """Return results without times, dates and places."""
    found = json.loads(json.dumps(results["runs"]))
    for row in found:
        del row["seconds"], row["provenance"], row["history"]["seconds"]
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The results of one worker."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    return compare(quick(), folder, [0, 1], jobs=1)


@pytest.fixture
def workers(monkeypatch):
    """The worker processes that are started."""
    started, launch = [], subprocess.Popen

    def popen(command, *arguments, **others):
        process = launch(command, *arguments, **others)
        if "keras_recur.runs._worker" in command:
            started.append(process)
        return process

    monkeypatch.setattr(_jobs.subprocess, "Popen", popen)
    return started


class Lines(runs.Progress):
    """Progress without a terminal that keeps its text and calls `seen` for epochs."""

    def __init__(self, seen=lambda *_: None):
        self.text = io.StringIO()
        super().__init__(Console(file=self.text, width=200))
        self.seen = seen

    def epoch(self, seed, twin, epoch, total, logs=None):
        super().epoch(seed, twin, epoch, total, logs)
        self.seen(seed, twin, epoch, logs)

    @property
    def lines(self):
        return self.text.getvalue().splitlines()


def test_compare_has_equal_rows_with_one_and_two_jobs(alone, tmp_path):
    progress = Lines()
    results = compare(quick(), tmp_path / "run", [0, 1], jobs=2, progress=progress)
    assert rows(results) == rows(alone)
    for name in ("seed 0, recurrent", "seed 1, feedforward"):
        assert f"{name}: starts at epoch 1 of 2" in progress.lines
        (line,) = (x for x in progress.lines if x.startswith(f"{name}: epoch"))
        assert "epoch 1 of 2, loss " in line and line.endswith(" %")
    left = {p.name for p in (tmp_path / "run").iterdir()}
    assert left == {"run.json", "results.json", "results.csv", "seed-0", "seed-1"}


@once
def test_compare_takes_over_from_a_killed_worker(alone, tmp_path, workers):
    killed = []

    def kill(seed, twin, epoch, logs):
        if (seed, twin, epoch) == (0, "recurrent", 1) and not killed:
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    progress = Lines(kill)
    results = compare(quick(), tmp_path, [0], ["recurrent"], jobs=1, progress=progress)
    assert killed and len(workers) == 2
    assert rows(results) == rows(alone)[:1]
    starts = [line for line in progress.lines if "starts" in line]
    # The checkpoint of the first epoch was written before or after the signal.
    assert len(starts) == 2 and starts[1][-6:] in ("2 of 2", "1 of 2")
    assert not list(tmp_path.rglob("*.lock"))


@once
def test_workers_are_replaced_after_their_share_of_networks(tmp_path, workers):
    seeds = range(NETWORKS_PER_PROCESS + 1)
    results = compare(quick(1), tmp_path, seeds, ["recurrent"], jobs=1)
    assert [row["seed"] for row in results["runs"]] == list(seeds)
    assert [process.poll() for process in workers] == [ENOUGH, 0]


@once
def test_compare_gives_up_after_repeated_deaths(tmp_path, monkeypatch):
    command = [sys.executable, "-c", "import os; os.write(2, b'why'); os.abort()"]
    monkeypatch.setattr(_jobs, "child_command", lambda *_: command)
    with pytest.raises(RuntimeError, match=r"4 times in a row.*signal 6(.|\n)*why$"):
        compare(quick(), tmp_path / "run", [0], jobs=1)
    assert not (tmp_path / "run").exists()


@once
def test_two_comparisons_share_one_folder(alone, tmp_path):
    """The second call waits for the network that the first one trains."""
    results, second = [], Lines()

    def join():
        results.append(
            compare(quick(), tmp_path, [0], resume=True, jobs=1, progress=second)
        )

    thread = threading.Thread(target=join)

    def start(seed, twin, epoch, logs):
        if not thread.ident:
            thread.start()

    twins = ["recurrent", "feedforward"]
    first = compare(quick(), tmp_path, [0], twins, jobs=1, progress=Lines(start))
    thread.join(120)
    assert rows(first) == rows(results[0]) == rows(alone)[:2]
    trained = [line for line in second.lines if "starts" in line]
    assert len(trained) < 2


@once
def test_compare_waits_for_a_lock_and_takes_over(tmp_path, monkeypatch):
    monkeypatch.setattr(_work, "SECONDS", 0.05)
    run, progress, waits = runs.RunFolder(tmp_path), Lines(), []
    with contextlib.ExitStack() as other:
        assert other.enter_context(run.taking(0, "feedforward"))

        def wait(jobs):
            waits.append(jobs)
            type(progress).wait(progress, jobs)
            if len(waits) == 3:
                other.close()  # As if that process had been killed.

        monkeypatch.setattr(progress, "wait", wait)
        results = compare(quick(1), tmp_path, [0], progress=progress)
    assert [r["twin"] for r in results["runs"]] == ["recurrent", "feedforward"]
    assert waits == [[(0, "feedforward")]] * 3
    told = [line for line in progress.lines if "Waiting" in line]
    assert told == ["Waiting for another process: seed 0, feedforward"]


@once
def test_failed_comparison_keeps_the_run_that_another_one_joined(tmp_path, monkeypatch):
    def fail(self, twin, seed):
        runs.RunFolder(tmp_path).begin(quick(), [0], ["recurrent"], resume=True)
        raise ValueError("The data are missing.")

    monkeypatch.setattr(runs.Entry, "train_data", fail)
    with pytest.raises(ValueError, match="missing"):
        compare(quick(), tmp_path, [0])
    assert (tmp_path / "run.json").exists()


@once
def test_interrupted_comparison_leaves_no_workers(alone, tmp_path, workers):
    def interrupt(seed, twin, epoch, logs):
        if logs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(quick(), tmp_path, [0], jobs=2, progress=Lines(interrupt))
    assert len(workers) == 2
    assert all(process.poll() is not None for process in workers)
    assert not list(tmp_path.rglob("*.lock")) + list(tmp_path.rglob("*.partial"))
    results = compare(quick(), tmp_path, [0], resume=True, jobs=2)
    assert rows(results) == rows(alone)[:2]


SCRIPT = """
import sys
from keras_recur import runs
entry = runs.make_entry("mlp", "digits", quick=True, num_examples=64,
    model={"width": 4, "iterations": 2}, recipe={"epochs": 2000, "milestones": ()})
runs.compare(entry, sys.argv[1], [0], ["recurrent"], jobs=1)
"""


@once
def test_workers_end_with_their_parent(tmp_path):
    # A script without a guard for `__main__`, which is killed.
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    folder = tmp_path / "run"
    parent = subprocess.Popen([sys.executable, script, folder])
    checkpoint = folder / "seed-0/recurrent/checkpoint.npz"
    limit = time.monotonic() + 120
    while not checkpoint.exists():
        assert parent.poll() is None and time.monotonic() < limit
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    run = runs.RunFolder(folder)
    while time.monotonic() < limit:
        with run.taking(0, "recurrent") as free:
            if free:
                return
        time.sleep(0.1)
    pytest.fail("The worker still trains.")


@once
def test_error_of_a_worker_keeps_finished_results(tmp_path):
    compare(quick(), tmp_path, [0], ["recurrent"])
    (tmp_path / "seed-1").write_text("A file in place of the folder.")
    with pytest.raises(OSError, match="seed-1"):
        compare(quick(), tmp_path, [0, 1], ["recurrent"], resume=True, jobs=1)
    assert (tmp_path / "seed-0/recurrent/result.json").exists()


@once
def test_full_disk_of_a_worker_is_an_error(tmp_path, monkeypatch):
    launch = subprocess.Popen

    def limited(*arguments, **others):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        return launch(*arguments, preexec_fn=limit, **others)

    monkeypatch.setattr(_jobs.subprocess, "Popen", limited)
    with pytest.raises(OSError, match="File too large"):
        compare(quick(), tmp_path, [0], ["recurrent"], jobs=1)
    assert not list(tmp_path.rglob("*.partial"))


@once
def test_jobs_refuse_families_that_workers_do_not_know(tmp_path, monkeypatch):
    mlp = zoo.describe("mlp")

    def network(*arguments, **others):
        return mlp.network(*arguments, **others)

    mine = dataclasses.replace(mlp, name="mine", network=network)
    monkeypatch.setitem(zoo.family._families, "mine", mine)
    entry = dataclasses.replace(quick(1), family="mine")
    with pytest.raises(ValueError, match="`jobs` must be 0 because a worker.*'mine'"):
        compare(entry, tmp_path / "run", [0], ["recurrent"], jobs=1)
    network.__module__ = "__main__"
    with pytest.raises(ValueError, match="`jobs` must be 0 because .*network is def"):
        compare(entry, tmp_path / "run", [0], ["recurrent"], jobs=1)
    assert not (tmp_path / "run").exists()
    results = compare(entry, tmp_path / "run", [0], ["recurrent"], jobs="auto")
    assert results["runs"][0]["status"] == "finished"


@once
def test_auto_jobs_depend_on_the_size_and_the_device(monkeypatch):
    def count(entry, jobs="auto", seeds=1):
        work = runs.compare.__globals__["_Comparison"](entry)
        names = "recurrent", "feedforward"
        return _jobs._count(jobs, work, [(s, n) for s in range(seeds) for n in names])

    monkeypatch.setattr(_jobs, "cores", lambda: 5)
    monkeypatch.setattr(_jobs, "devices", lambda: ["cpu:0"])
    wide = dataclasses.replace(quick(), model={**quick().model, "width": 2000})
    assert [count(quick()), count(wide), count(wide, 3)] == [5, 0, 3]
    medium = dataclasses.replace(quick(), model={**quick().model, "width": 1000})
    assert [count(medium, seeds=n) for n in (2, 3)] == [0, 5]
    assert count(wide, seeds=3) == 0
    monkeypatch.setattr(_jobs, "devices", lambda: ["cuda:0"])
    assert [count(quick()), count(quick(), 2)] == [0, 2]


@pytest.mark.parametrize("jobs", [-1, 2.5, True, "2", "all", None, 1001])
@once
def test_compare_refuses_other_jobs(jobs, tmp_path):
    with pytest.raises(ValueError, match='`jobs`.*"auto"|`jobs`.*1,?000'):
        compare(quick(), tmp_path / "run", [0], jobs=jobs)
    assert not (tmp_path / "run").exists()


@once
def test_progress_lines_are_ten_seconds_apart(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("keras_recur.runs.progress.time.monotonic", lambda: now[0])
    progress = Lines()
    callback = progress.epochs(3, "recurrent", 200)
    for epoch in range(200):
        callback.on_epoch_begin(epoch)
        now[0] += 0.5
        callback.on_epoch_end(epoch, {"loss": 0.1234, "val_accuracy": 0.95})
    assert progress.lines[:2] == [
        "seed 3, recurrent: starts at epoch 1 of 200",
        "seed 3, recurrent: epoch 1 of 200, loss 0.123, accuracy 95.0 %",
    ]
    assert len(progress.lines) == 1 + 10


@once
def test_run_experiment_has_equal_rows_with_jobs(tmp_path):
    found = []
    tiny = experiments.ReadoutTimesExperiment(
        width=2, trained=5, first=4, last=6, epochs=1, num_examples=32
    )
    for jobs in (1, 2):
        lines, progress = [], Lines()
        results = experiments.run_experiment(
            tiny,
            tmp_path / str(jobs),
            [0],
            report=lines.append,
            progress=progress,
            jobs=jobs,
        )
        found.append(rows(results))
        assert len(lines) == 2 and all("test error" in line for line in lines)
        assert any("epoch 1 of 1, loss" in line for line in progress.lines)
    assert found[0] == found[1]
