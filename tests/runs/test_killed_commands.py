"""Commands that are killed and run again end as if they had not been killed."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import keras
import numpy as np
import pytest

from keras_recur import zoo

# tests/runs/test_jobs.py kills the processes of `--jobs`.
TRAIN = ["--iterations", "2", "--width", "4", "--examples", "64", "--epochs", "2"]
COMPARE = ["compare", "mlp", "--data", "digits", "--quick", "--seeds", "1"]
COMPARE += [*TRAIN, "--milestones", "", "--jobs", "0"]
EXPERIMENT = ["experiment", "readout-times", "--quick", "--seeds", "1"]
EXPERIMENT += ["--width", "2", "--examples", "64", "--epochs", "2", "--jobs", "0"]
SEARCH = ["search", "mlp", "--data", "digits", "--quick", "--seeds", "1"]
SEARCH += ["--widths", "4,6", "--iterations", "2", "--examples", "64", "--epochs", "2"]
SEARCH += ["--fresh-seeds", "0"]
# A command, its target, the file after which it is killed, and what resumes it.
COMMANDS = {
    "compare": (COMPARE, "--output", "cut/seed-0/recurrent/result.json", ["--resume"]),
    "experiment": (
        EXPERIMENT,
        "--output",
        "cut/seed-0/shared/checkpoint.npz",
        ["--resume"],
    ),
    "search": (SEARCH, "--output", "cut/rows/*.json", []),
    "export": (["export", "model.keras"], "--output", ".cut.partial/cut/*", []),
}


def start(*arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", "keras_recur", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process):
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error.decode()[-2000:]


def kill_after(place, sign, *arguments):
    """Kill a command after a file has appeared; what was finished by then."""
    process = start(*arguments, cwd=place)
    limit = time.monotonic() + 240
    while not list(place.glob(sign)):
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return {p: p.read_bytes() for p in place.glob(sign) if p.suffix == ".json"}


def measured(folder):
    """What was measured and trained, without times and places."""
    found = {}
    for path in (*folder.rglob("result.json"), *folder.glob("rows/*.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        row.get("history", {}).pop("seconds", None)
        for key in ("seconds", "provenance", "peak_memory"):
            row.pop(key, None)  # Not every command writes all.
        found[str(path.relative_to(folder))] = row
    for path in folder.rglob("*.weights.h5"):
        values = []
        with h5py.File(path) as file:
            file.visititems(
                lambda name, x, values=values: (
                    values.append((name, x[()])) if hasattr(x, "shape") else None
                )
            )
        found[str(path.relative_to(folder))] = values
    for path in (*folder.glob("saved_model.pb"), *folder.glob("variables/*")):
        found[str(path.relative_to(folder))] = path.read_bytes()
    return found


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="two others suffice")
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_command_resumes_to_equal_results(name, tmp_path):
    command, target, sign, again = COMMANDS[name]
    if name == "export":
        sizes = {"width": 4, "iterations": 2, "input_shape": (8, 8, 1)}
        pair = zoo.build("mlp", num_classes=10, **sizes)
        pair.recurrent.save(tmp_path / "model.keras")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    other = start(*command, target, whole, cwd=tmp_path)  # Side by side, for speed.
    kept = kill_after(tmp_path, sign, *command, target, cut)
    finish(start(*command, *again, target, cut, cwd=tmp_path))
    for path, content in kept.items():
        assert path.read_bytes() == content
    finish(other)
    one, other = measured(whole), measured(cut)
    assert one.keys() == other.keys() and one
    for key, value in one.items():
        np.testing.assert_equal(other[key], value, err_msg=key)
    left = {p.name for p in tmp_path.iterdir()} - {"model.keras"}
    assert left == {"whole", "cut"}
    assert not [*cut.rglob("*.lock"), *cut.rglob("run.json.*.partial")]
