"""Folders of runs: refused without a trace, damaged, held by another process."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from keras_recur import runs
from keras_recur._files import locked
from keras_recur.experiments import SharingExperiment, TextExperiment, run_experiment
from keras_recur.reports import write_report
from keras_recur.runs import RunFolder, make_entry
from keras_recur.runs.compare import compare

pytestmark = pytest.mark.once


def content(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def quick(**model):
    return make_entry(
        "mlp",
        "digits",
        quick=True,
        num_examples=64,
        model={"width": 4, "iterations": 1, **model},
        recipe={"epochs": 1, "milestones": ()},
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"twins": ["x"]}, r"`twins\[0\]`.*'x'.*'recurrent', 'feedforward'"),
        ({"twins": "recurrent"}, "`twins` must be a list"),
        ({"twins": ["../../outside"]}, r"`twins\[0\]`"),
        ({"twins": []}, "`twins` must have at least 1"),
        ({"seeds": []}, "`seeds` must have at least 1"),
        ({"seeds": 3}, "`seeds` must be a list"),
        ({"seeds": [True]}, r"`seeds\[0\]`"),
        ({"seeds": [-1]}, r"`seeds\[0\]`"),
        ({"seeds": [2**32]}, r"`seeds\[0\]`"),
        ({"resume": 1}, "`resume`"),
        ({"entry": "mlp"}, "`entry`"),
        ({"progress": print}, "`progress`"),
        ({"entry": lambda: quick(width=0)}, "width"),
        ({"folder": ""}, "`folder`"),
    ],
)
def test_refused_compare_leaves_no_files(arguments, message, tmp_path):
    usual = {"entry": quick, "folder": tmp_path / "a" / "run", "seeds": [0]}
    asked = {**usual, **arguments}
    if callable(asked["entry"]):
        asked["entry"] = asked["entry"]()
    with pytest.raises(ValueError, match=message):
        compare(**asked)
    assert not list(tmp_path.iterdir())


def test_refused_compare_restores_run_json(run, entry, monkeypatch):
    def missing(*args, **kwargs):
        raise ValueError("The data are missing.")

    before = content(run.path)
    monkeypatch.setattr(runs.Entry, "train_data", missing)
    with pytest.raises(ValueError, match="missing"):
        compare(entry, run.path, [5], resume=True)
    assert content(run.path) == before
    other = run.path.parent / "other"
    with pytest.raises(ValueError, match="missing"):
        compare(entry, other, [5])
    assert not other.exists()


def test_refused_run_experiment_leaves_no_files(tmp_path):
    tiny = TextExperiment(model={"width": 0}, length=6, epochs=1, num_examples=64)
    with pytest.raises(ValueError, match="must be a positive integer"):
        run_experiment(tiny, tmp_path / "run", [0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("plan", [quick, lambda: SharingExperiment(data="digits")])
def test_run_folder_resumes_recipes_without_fields_of_this_version(plan, tmp_path):
    plan = plan()
    folder = RunFolder(tmp_path / "run")
    network = plan.networks[0]
    folder.begin(plan, [0], [network], False)
    path = folder.path / "run.json"
    assert '"progressive_depth"' in path.read_text()
    earlier = re.sub(r'"progressive_depth": "paper",\s*', "", path.read_text())
    assert "progressive_depth" not in earlier
    path.write_text(earlier)
    folder.begin(plan, [0, 1], [network], resume=True)
    assert json.loads(path.read_text())["seeds"] == [0, 1]
    path.write_text(earlier.replace('"momentum": 0.9', '"momentum": 0.8'))
    with pytest.raises(ValueError, match="momentum: 0.8, not 0.9"):
        folder.begin(plan, [0], [network], resume=True)


def test_run_folder_restores_a_lost_run_json(run, entry):
    (run.path / "run.json").write_text('{"half')
    with pytest.raises(ValueError, match="Remove it and run again with --resume"):
        compare(entry, run.path, [0], resume=True)
    (run.path / "run.json").unlink()
    before = content(run.path / "seed-1")
    wider = dataclasses.replace(entry, model={**entry.model, "width": 8})
    for lost in ([], ["results.json"]):
        for name in lost:
            (run.path / name).unlink()
        with pytest.raises(ValueError, match="another configuration"):
            compare(wider, run.path, [0], resume=True)
    assert not (run.path / "run.json").exists()
    with pytest.raises(ValueError, match="--resume"):
        compare(entry, run.path, [0])
    results = compare(entry, run.path, [0], resume=True)
    assert len(results["runs"]) == 4 and content(run.path / "seed-1") == before


def nested(value, depth=3):
    return value if not depth else {"a": [nested(value, depth - 1)]}


@pytest.mark.parametrize(
    "name", ["run.json", "results.json", "seed-0/recurrent/result.json"]
)
@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        "3",
        '"text"',
        "{}",
        json.dumps(nested(None)),
        "[" * 100_000,
        b"\xff\xfe".decode("latin1"),
        None,  # A folder of that name.
    ],
)
def test_run_folder_refuses_json_of_another_shape(name, text, run, entry):
    if text is None:
        (run.path / name).unlink()
        (run.path / name).mkdir()
    else:
        (run.path / name).write_text(text, encoding="latin1")
    with pytest.raises(ValueError, match=r"json is damaged.*Remove it"):
        if name == "results.json":
            write_report(run)
        else:
            compare(entry, run.path, [0], resume=True)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("run.json", ["seeds"], ["0"]),
        ("run.json", ["twins"], ["../x"]),
        ("run.json", ["twins"], None),
        ("results.json", ["summary", "recurrent"], []),
        ("results.json", ["summary", "recurrent", "seeds"], "2"),
        ("results.json", ["entry", "model"], None),
        ("results.json", ["costs", "ratios"], 1),
        ("results.json", ["runs", 0, "tests"], {}),
        ("results.json", ["runs", 0, "seed"], "0"),
        ("results.json", ["name"], "../out"),
        ("seed-0/recurrent/result.json", ["tests", 0, "curve"], "0.9"),
        ("seed-0/recurrent/result.json", ["status"], None),
        ("seed-0/recurrent/result.json", ["seconds"], "1"),
    ],
)
def test_run_folder_refuses_parts_of_another_shape(name, place, value, run, entry):
    found = json.loads((run.path / name).read_text())
    part = found
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    (run.path / name).write_text(json.dumps(found))
    with pytest.raises(ValueError, match=r"json is damaged"):
        if name == "results.json":
            write_report(run)
        else:
            compare(entry, run.path, [0], resume=True)


HOLD = """
import sys, time
from keras_recur._files import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_run_folder_names_the_process_that_holds_it(tmp_path, entry, monkeypatch):
    for module in ("runs.run_folder", "reports.run_report"):
        monkeypatch.setattr(f"keras_recur.{module}.WAIT", 0.1)
    folder = tmp_path / "run"
    folder.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match=f"process {holder.pid}"):
            compare(quick(), folder, [0], ["recurrent"])
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        # What a killed process leaves does not count, as a file or as a lock.
        (folder / "run.json.x1.partial").write_text("{")
        compare(quick(), folder, [0], ["recurrent"])
    finally:
        holder.kill()
        holder.communicate()
    assert not (folder / ".lock").exists()
    with locked(folder), pytest.raises(ValueError, match="Another process"):
        write_report(RunFolder(folder))
