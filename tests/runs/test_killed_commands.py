"""Commands that are killed and run again end as if they had not been killed."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

TRAIN = ["--iterations", "2", "--width", "4", "--examples", "64", "--epochs", "2"]
COMPARE = ["compare", "mlp", "--on", "digits", "--quick", "--seeds", "1"]
COMPARE += [*TRAIN, "--milestones", ""]
EXPERIMENT = ["experiment", "readout-times", "--quick", "--seeds", "1"]
EXPERIMENT += ["--width", "2", "--examples", "64", "--epochs", "2"]
# A command, the file after whose appearance it is killed, and what resumes it.
COMMANDS = {
    "compare": (COMPARE, "seed-0/recurrent/result.json", ["--resume"]),
    "experiment": (EXPERIMENT, "seed-0/shared/result.json", ["--resume"]),
}


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "keras_recur.cli", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process):
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error.decode()[-2000:]


def kill_after(folder, sign, *arguments):
    """Kill a command after a file has appeared; what it had by then."""
    process = start(*arguments)
    limit = time.monotonic() + 240
    while not list(folder.glob(sign)):
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return {p: p.read_bytes() for p in folder.glob(sign)}


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
    return found


def check_killed(name, tmp_path):
    command, sign, again = COMMANDS[name]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    other = start(*command, "--out", whole)  # At the same time, for speed.
    kept = kill_after(cut, sign, *command, "--out", cut)
    finish(start(*command, *again, "--out", cut))
    for path, content in kept.items():
        assert path.read_bytes() == content
    finish(other)
    one, other = measured(whole), measured(cut)
    assert one.keys() == other.keys() and one
    for key, value in one.items():
        np.testing.assert_equal(other[key], value, err_msg=key)
    assert not [*cut.rglob(".lock"), *cut.rglob("run.json.*.partial")]


@pytest.mark.once
@pytest.mark.parametrize("name", ["compare", "experiment"])
def test_killed_command_ends_as_if_it_had_not_been(name, tmp_path):
    check_killed(name, tmp_path)
