"""Equal processes that share a study: proposals, deaths, storages."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time

import keras_tuner
import pytest
from keras_tuner import oracles
from keras_tuner.engine import base_tuner
from kill_search import kill_search
from postgresql_server import new_database
from tiny_search import TINY

from keras_recur import tuning
from keras_recur.tuning import _heartbeat, study_oracle
from keras_recur.tuning._folder_lock import FolderLock
from keras_recur.tuning._heartbeat import Heartbeat
from keras_recur.tuning._shared_study import ClaimLost, SharedStudy
from keras_recur.tuning._storage import hide_password
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.study_oracle import StudyOracle

pytestmark = pytest.mark.once  # No network is trained here, but by real processes.
SCORE = keras_tuner.Objective("score", "max")
MACS = keras_tuner.Objective("macs", "min")


def declare(hp):
    hp.Choice("width", [4, 8, 16])
    hp.Float("rate", 1e-3, 1e-1, sampling="log")


MANY = {"objective": SCORE, "max_trials": 9, "seed": 1}
GRID = [{"width": width, "rate": 0.01 * rate} for width in (4, 8) for rate in (1, 2)]
ORACLES = {
    "grid": lambda: tuning.GridOracle(GRID, SCORE),
    "random": lambda: oracles.RandomSearchOracle(**MANY),
    "bayesian": lambda: oracles.BayesianOptimizationOracle(**MANY),
    "hyperband": lambda: oracles.HyperbandOracle(SCORE, max_epochs=4, seed=1),
    "optuna": lambda: tuning.OptunaOracle([SCORE, MACS], 9, seed=1),
}


def metrics(trial):
    values = trial.hyperparameters.values
    return {"score": 1 - 1 / values["width"] - values["rate"], "macs": values["width"]}


class Process:
    """One of several equal processes, within this one."""

    def __init__(self, folder, oracle, storage=None):
        self.stack = contextlib.ExitStack()
        shared = self.stack.enter_context(SharedStudy(folder, storage))
        self.oracle = StudyOracle(ORACLES[oracle](), shared, wait=lambda: None)
        space = self.oracle.get_space()
        declare(space)
        self.oracle.update_space(space)

    def begin(self):
        return self.oracle.create_trial("tuner")

    def end(self, trial):
        self.oracle.update_trial(trial.trial_id, metrics(trial))
        trial.status = "COMPLETED"
        self.oracle.end_trial(trial)

    def die(self):
        self.stack.close()


def proposals(oracle):
    oracle.reload()
    return [oracle.trials[name].hyperparameters.values for name in oracle.start_order]


def search_alternately(folder, oracle, count, storage=None):
    """Let processes run one trial each, in turn, and return the proposals."""
    with contextlib.ExitStack() as stack:
        processes = [Process(folder, oracle, storage) for _ in range(count)]
        for process in processes:
            stack.callback(process.die)
        left = list(processes)
        while left:
            for process in list(left):
                trial = process.begin()
                if trial.status == "STOPPED":
                    left.remove(process)
                elif trial.status == "RUNNING":
                    process.end(trial)
        told = [t.values for t in processes[0].oracle._shared.study.trials if t.values]
        found = proposals(processes[-1].oracle)
    assert len(told) == len(found)
    return found


def rounded(proposals):
    """Return proposals without the last digits, which depend on NumPy's version."""
    return [
        {k: float(f"{v:.12g}") if isinstance(v, float) else v for k, v in found.items()}
        for found in proposals
    ]


@pytest.mark.parametrize("oracle", ORACLES)
def test_processes_propose_what_one_process_proposes(oracle, tmp_path):
    one = search_alternately(tmp_path / "one", oracle, 1)
    three = search_alternately(tmp_path / "three", oracle, 3)
    assert rounded(one) == rounded(three)
    assert len(one) == {"grid": 4, "hyperband": len(one)}.get(oracle, 9) > 3
    if oracle != "hyperband":  # It repeats networks for more epochs.
        assert len({str(values) for values in one}) == len(one)


@pytest.mark.parametrize("oracle", ORACLES)
def test_parallel_processes_share_the_trials(oracle, tmp_path):
    first, second = (Process(tmp_path, oracle) for _ in range(2))
    seen = []
    with contextlib.closing(first.stack), contextlib.closing(second.stack):
        while True:  # Both run a trial at the same time.
            trials = [process.begin() for process in (first, second)]
            for process, trial in zip((first, second), trials, strict=True):
                if trial.status == "RUNNING":
                    seen.append(trial.trial_id)
                    process.end(trial)
            if {trial.status for trial in trials} == {"STOPPED"}:
                break
        assert sorted(seen) == sorted(first.oracle.trials)
        assert len(seen) == len(set(seen)) > 3
        assert second.oracle.get_best_trials()[0].score is not None


def test_trial_of_a_dead_process_goes_to_another(tmp_path):
    first, second = (Process(tmp_path, "grid") for _ in range(2))
    trial = first.begin()
    assert second.begin().trial_id != trial.trial_id
    first.die()
    third = Process(tmp_path, "grid")
    again = third.begin()
    assert again.trial_id == trial.trial_id
    assert again.hyperparameters.values == trial.hyperparameters.values
    third.end(again)
    # A process that was only slow adds nothing.
    third.end(again)
    assert len(third.oracle.end_order) == 1
    for process in (second, third):
        process.die()


def test_process_waits_for_the_last_trials_of_others(tmp_path):
    first, second = (Process(tmp_path, "grid") for _ in range(2))
    trials = [first.begin()]
    while (trial := second.begin()).status == "RUNNING":
        trials.append(trial)
        second.end(trial)
    assert trial.status == "IDLE" and len(trials) == len(GRID)
    first.die()  # Nothing of it is lost.
    trial = second.begin()
    assert trial.trial_id == trials[0].trial_id
    second.end(trial)
    assert second.begin().status == "STOPPED"
    second.die()


@pytest.mark.parametrize("storage", ["journal", "postgresql"])
def test_only_new_records_are_parsed(storage, request, tmp_path, monkeypatch):
    url = None
    if storage == "postgresql":
        url = new_database(request.getfixturevalue("postgresql"), "new_records")
    first, second = (Process(tmp_path, "grid", url) for _ in range(2))
    read = []
    parse = study_oracle.Trial.from_state

    def count(state):
        trial = parse(state)
        read.append(trial.trial_id)
        return trial

    def look():
        read.clear()
        second.oracle.reload()
        return read

    for _ in range(2):
        first.end(first.begin())
    running = first.begin().trial_id
    monkeypatch.setattr(study_oracle.Trial, "from_state", count)
    assert len(look()) == 3
    # Only a trial that has not ended may be changed by its process.
    assert look() == [running]
    assert look() == [running]
    first.end(first.oracle.trials[running])
    assert look() == [running]
    assert look() == []
    for process in (first, second):
        process.die()


def test_process_that_died_between_two_writes_leaves_nothing(tmp_path):
    first = Process(tmp_path, "optuna")
    first.end(first.begin())
    first.oracle._shared.study.ask()  # It died before it recorded the trial.
    first.die()
    second = Process(tmp_path, "optuna")
    trial = second.begin()
    states = [t.state.name for t in second.oracle._shared.study.trials]
    assert states == ["COMPLETE", "FAIL", "RUNNING"]
    second.end(trial)
    second.die()


def test_oracle_serves_any_tuner_and_retries_failures(tmp_path):
    class Tuner(base_tuner.BaseTuner):
        def run_trial(self, trial, *args, **kwargs):
            tried.append(trial.trial_id)
            if len(tried) == 2:
                raise ValueError("once")
            return metrics(trial)

    class Space(keras_tuner.HyperModel):
        def build(self, hp):
            declare(hp)

    tried = []
    with SharedStudy(tmp_path / "shared") as shared:
        inner = tuning.GridOracle(GRID, SCORE, max_retries_per_trial=1)
        tuner = Tuner(StudyOracle(inner, shared), Space(), directory=tmp_path)
        tuner.search(verbose=0)
    assert len(tried) == len(GRID) + 1 and tried[1] == tried[2]
    states = [t.state.name for t in shared.study.trials]
    assert states == ["COMPLETE"] * len(GRID)
    best = tuner.get_best_hyperparameters()[0].values
    assert best == {"width": 8, "rate": 0.01}


def of_another_machine(folder, name="other", beat=1):
    """Write the file of a process of another machine."""
    content = {"beat": beat, "place": "elsewhere", "pid": 1, "started": "1"}
    (folder / name).write_text(json.dumps(content))
    # Its clock is an hour slow.
    os.utime(folder / name, times=(time.time() - 3600,) * 2)


def test_missing_heartbeat_is_noticed_whatever_the_clocks(tmp_path, monkeypatch):
    monkeypatch.setattr(_heartbeat, "BEAT", 0.02)
    monkeypatch.setattr(_heartbeat, "PATIENCE", 0.4)
    with Heartbeat(tmp_path) as mine:
        for beat in range(12):  # Longer than the patience.
            of_another_machine(tmp_path, beat=beat)
            time.sleep(0.05)
            assert mine.alive("other")
            monkeypatch.setattr(time, "time", lambda: 1.0)
        limit = time.monotonic() + 60
        while mine.alive("other"):
            assert time.monotonic() < limit
            time.sleep(0.01)
        assert not (tmp_path / "other").exists()
    assert not tmp_path.exists()


def test_ended_process_of_this_machine_is_noticed_at_once(tmp_path):
    program = "import os, pathlib, sys, time\n"
    program += "from keras_recur.tuning._heartbeat import Heartbeat\n"
    program += "mine = Heartbeat(pathlib.Path(sys.argv[1])).__enter__()\n"
    program += "print(mine.name, flush=True); time.sleep(300)"
    with (
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        ) as other,
        Heartbeat(tmp_path) as mine,
    ):
        name = (other.stdout or sys.stdin).readline().strip()
        assert mine.alive(name) and mine.others() == [name]
        other.kill()
        while mine.alive(name) and other.poll() is None:
            pass
        assert not mine.alive(name) and mine.others() == []
    assert not mine.alive(mine.name + "x")


def test_replaced_process_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(_heartbeat, "PATIENCE", 0.0)
    monkeypatch.setattr(_heartbeat, "_place", lambda: None)
    with SharedStudy(tmp_path) as first, SharedStudy(tmp_path) as second:
        first.open("search", ["maximize"])
        second.open("search", ["maximize"])
        assert first.claim("run") and first.claim("run")
        first.check("run")
        assert second.claim("run")  # It has no patience at all.
        with pytest.raises(ClaimLost, match="taken over run"):
            first.check("run")
        first.release("run")  # It is not its own any more.
        assert second.get("run") == second.heartbeat.name
        second.release("run")
        assert first.claim("run")


def test_lock_serves_one_process_and_outlives_none(tmp_path):
    with Heartbeat(tmp_path / "alive") as first, Heartbeat(tmp_path / "alive") as other:
        mine, its = (FolderLock(tmp_path / "lock", beat) for beat in (first, other))
        order = []

        def take():
            with its:
                order.append("other")

        thread = threading.Thread(target=take)
        with mine, mine:
            thread.start()
            time.sleep(0.2)
            order.append("mine")
        thread.join()
        assert order == ["mine", "other"]
        os.symlink("a process that has died", tmp_path / "lock")
        take()
    assert list(tmp_path.iterdir()) == []


def test_half_written_line_of_the_journal_is_removed(tmp_path):
    first = Process(tmp_path, "grid")
    first.end(first.begin())
    first.die()
    journal = tmp_path / "study.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: len(whole) // 3].rpartition(b"\n")[2] + b'{"op')
    second = Process(tmp_path, "grid")
    second.end(second.begin())
    assert len(second.oracle.end_order) == 2
    second.die()
    assert journal.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in journal.read_text().splitlines())


SMALL = {**TINY, "widths": [4], "iterations": [1], "seeds": 1, "fresh_seeds": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"storage": 3}, "`storage` must be the URL.*storage=3"),
        ({"storage": "no url"}, "`storage` must be the URL.*'no url'"),
        (
            {"storage": "sqlite:///a.db", "workers": 1},
            "must not be SQLite when several",
        ),
        ({"conclude": "report"}, "`conclude` must be"),
    ],
)
def test_search_refuses_invalid_storages(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        tuning.search(**SMALL, directory=tmp_path / "a", **changes)
    assert not (tmp_path / "a").exists()


def test_sqlite_serves_one_process(tmp_path):
    found = []
    url = f"sqlite:///{tmp_path}/study.db"
    options = {"directory": tmp_path / "a", "storage": url, "conclude": found.append}
    result = tuning.search(**SMALL, **options)
    assert len(result.rows) == 2 and len(found) == 1
    with (
        SharedStudy(tmp_path / "a"),
        pytest.raises(ValueError, match="SQLite when several processes.*Leave"),
    ):
        tuning.search(**SMALL, **options)
    # Nothing has changed, so nothing is concluded again.
    assert str(tuning.search(**SMALL, **options)) == str(result)
    assert len(found) == 1
    row = next((tmp_path / "a" / "rows").iterdir())
    row.unlink()
    tuning.search(**SMALL, **options)
    assert len(found) == 2 and row.exists()


def test_missing_drivers_and_servers_are_reported(tmp_path):
    url = "postgresql+pg8000://user:secret@localhost:1/none"
    assert "secret" not in hide_password(url)
    with pytest.raises((ImportError, ConnectionError)) as error:
        tuning.search(**SMALL, directory=tmp_path / "a", storage=url)
    assert "secret" not in str(error.value) and "localhost:1/none" in str(error.value)
    assert not (tmp_path / "a" / "search.json").exists()


def test_two_processes_may_create_the_tables_of_a_database(tmp_path, monkeypatch):
    import optuna
    import sqlalchemy

    create, tried = optuna.storages.RDBStorage.__init__, []

    def init(self, url, **options):
        tried.append(url)
        if len(tried) == 1:  # Another search was faster.
            raise sqlalchemy.exc.IntegrityError("CREATE TABLE", None, ValueError("x"))
        create(self, url, **options)

    monkeypatch.setattr(optuna.storages.RDBStorage, "__init__", init)
    with SharedStudy(tmp_path, f"sqlite:///{tmp_path}/study.db") as shared:
        shared.open("search", ["maximize"])
        assert shared.claim("run")
    assert len(tried) == 2


@pytest.mark.parametrize("oracle", ORACLES)
def test_postgresql_serves_many_processes(oracle, postgresql, tmp_path):
    """The study has the same trials as in a journal."""
    url = new_database(postgresql, f"test_{oracle}")
    found = search_alternately(tmp_path / "database", oracle, 2, url)
    assert found == search_alternately(tmp_path / "journal", oracle, 2)


def test_postgresql_serves_a_search(postgresql, tmp_path):
    options = {"directory": tmp_path / "a", "storage": postgresql, "workers": 2}
    result = tuning.search(**SMALL, **options)
    assert {row["status"] for row in result.rows} == {"finished"}
    assert len(result.rows) == 2
    assert postgresql not in (tmp_path / "a" / "search.json").read_text()
    assert not (tmp_path / "a" / "study.journal").exists()


def test_search_of_an_earlier_version_resumes(tmp_path):
    result = tuning.search(**SMALL, directory=tmp_path / "a")
    folder = SearchFolder(tmp_path / "a")
    (folder.path / "study.journal").unlink()  # It had no study.
    content = folder.content()
    del content["study"]
    folder.write_json("search.json", content)
    rows = {p: p.read_bytes() for p in (folder.path / "rows").iterdir()}
    again = tuning.search(**SMALL, directory=tmp_path / "a")
    assert str(again) == str(result)
    assert rows == {p: p.read_bytes() for p in (folder.path / "rows").iterdir()}


@pytest.mark.once("jax")
@pytest.mark.parametrize("kind", ["process", "host"])
def test_equal_processes_survive_kills(kind):
    # The killed processes are not replaced. Run kill_search.py for more.
    count = {"processes" if kind == "process" else "hosts": 3}
    assert kill_search(2, seed=4, **count) == [kind] * 2
