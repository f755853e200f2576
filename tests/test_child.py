"""Child processes run nothing of the current folder, and find what this one finds."""

import os
import subprocess
import sys

import pytest

from keras_recur._child import child_command, child_environment, thread_limits

pytestmark = pytest.mark.once


def run_in(folder, module):
    return subprocess.run(
        child_command(module),
        env=child_environment(CHANGED="yes"),
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
    )


def test_modules_of_the_current_folder_are_not_run(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('run')", "utf-8")
    (tmp_path / "own.py").write_text("import json; print(json.dumps(1))", "utf-8")
    assert "No module named own" in run_in(tmp_path, "own").stderr


def test_modules_of_the_user_are_found(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = "import json, os; print(json.__file__, os.environ['CHANGED'])"
    (elsewhere / "own.py").write_text(code, "utf-8")
    monkeypatch.chdir(elsewhere.parent)
    monkeypatch.syspath_prepend("elsewhere")  # A relative one, as PYTHONPATH may hold.
    found = run_in(tmp_path, "own").stdout.split()
    assert os.path.basename(os.path.dirname(found[0])) == "json" and found[1] == "yes"


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="counts threads")
def test_thread_limits_hold_for_jax(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    code = (
        "import os, jax.numpy as np; (np.ones((9, 9)) @ np.ones((9, 9))).tolist();"
        "print(len(os.listdir('/proc/self/task')), os.environ.get('XLA_FLAGS'))"
    )

    def run(threads):
        command = [sys.executable, "-c", code]
        environment = child_environment(**thread_limits(threads))
        found = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", check=True
        )
        count, flags = found.stdout.split(maxsplit=1)
        return int(count), flags.split()

    one, flags = run(1)
    three, others = run(3)
    assert three >= one + 2
    assert others == ["--xla_cpu_enable_fast_math=false"]
    assert flags == [*others, "--xla_cpu_multi_thread_eigen=false"]
