"""The measurements of `run.py --gpu`, at toy size on a CPU."""

import functools
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "benchmarks" / "run.py")
QUICK = ["--gpu", "--quick", "--device", "cpu"]


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """The scripts import each other by their bare names."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def preset(backends, quick=False):
    import gpu
    from run import JOBS
    from setting import Asked

    asked = Asked(quick, device="gpu")
    return gpu.ordered(
        [job for b in backends for part in gpu.EXPECTED for job in JOBS[part](b, asked)]
    )


@pytest.mark.once  # It takes a minute.
@pytest.mark.filterwarnings("ignore:The rule agreement")
def test_the_preset_runs_at_toy_size(tmp_path, monkeypatch, capsys, backend):
    import run
    from rows import make_row, read_rows
    from worker import ROW

    ran = []

    def in_this_process(job, device, environment, limit, show):
        """Other processes would take most of the time to start."""
        script, *arguments = job.command.split(" ")
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        from setting import parse_setting

        module = importlib.import_module(script.removesuffix(".py"))
        capsys.readouterr()
        module.measure(parse_setting(module.__doc__))
        ran.append(job)
        columns = {"part": job.part, "backend": job.backend, "command": job.command}
        columns |= job.setting.columns() | environment
        lines = capsys.readouterr().out.splitlines()
        measured = [line.removeprefix(ROW) for line in lines if line.startswith(ROW)]
        return [make_row(**columns | json.loads(text)) for text in measured]

    monkeypatch.setattr(run, "run_job", in_this_process)
    # A commit between the two calls would make the second one measure again.
    environment = functools.cache(run.find_environment)
    monkeypatch.setattr(run, "find_environment", environment)
    out = tmp_path / "cpu.csv"
    import gpu

    # The workers of a search are processes, which tests/tuning covers.
    parts = ",".join(part for part in gpu.EXPECTED if part != "search_workers")
    options = [*QUICK, "--backends", backend, "--only", parts, "--output", str(out)]
    for _ in range(2):  # The second call measures nothing.
        monkeypatch.setattr(sys, "argv", [SCRIPT, *options, "--budget", "3000"])
        assert run.main() == 0
    jobs = [j for j in preset([backend], quick=True) if j.part != "search_workers"]
    assert ran == jobs
    rows = read_rows(out)
    assert {row.part for row in rows} == set(parts.split(","))
    assert all(float(row.value) >= 0 for row in rows)
    assert not any(row.note for row in rows)
    shares = [row for row in rows if row.what == "share of the matrix product"]
    assert {row.network for row in shares} == {"swrn", "resnet_bn"}
    assert {row.dtype for row in shares} == {"mixed_bfloat16"}


@pytest.mark.once
def test_what_the_budget_does_not_suffice_for_is_named(tmp_path):
    out = tmp_path / "cpu.csv"
    options = [*QUICK, "--backends", "torch", "--only", "step,gemm", "--budget", "1"]
    command = [sys.executable, SCRIPT, *options, "--output", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for text in ("does not suffice for 4", "torch gemm resnet_bn", "command again"):
        assert text in done.stderr
    assert not out.exists()


def test_without_a_gpu_the_preset_is_an_error(monkeypatch, capsys, tmp_path):
    import run

    def blind(backend, device):
        raise RuntimeError(f"{backend} sees no {device}, only an abacus.")

    monkeypatch.setattr(run, "find_environment", blind)
    monkeypatch.setattr(sys, "argv", [SCRIPT, "--gpu", "--backends", "torch"])
    said = []
    monkeypatch.setattr(run.console, "print", lambda text, **_: said.append(text))
    assert run.main() == 1
    assert said[0] == "torch sees no gpu, only an abacus. It is left out."
    assert "needs a backend that sees a GPU" in said[1]


def test_one_training_comes_before_the_long_parts():
    jobs = preset(["tensorflow", "torch", "jax"])
    assert [job.backend for job in jobs[:3]] == ["jax", "jax", "torch"]
    trainings = [i for i, job in enumerate(jobs) if job.part == "training"]
    assert jobs[trainings[0]].backend == "jax"
    assert trainings[0] < [job.part for job in jobs].index("twins")
    assert trainings[1:] == list(range(len(jobs) - 5, len(jobs)))


@pytest.mark.once
def test_families_of_all_parts_of_twins_are_those_of_the_zoo():
    from twins import PARTS, TINY, families

    from keras_recur import zoo

    found = [n for i in range(PARTS) for n in families(f"{i + 1}/{PARTS}")]
    assert sorted(found) == zoo.list_families()
    assert set(families("quick")) == set(TINY) <= set(found)


@pytest.mark.once
def test_what_failed_before_comes_after_what_was_never_measured(monkeypatch, tmp_path):
    import run
    from rows import add_rows, make_row

    environment = dict.fromkeys(
        "hardware python keras backend_version keras_recur commit".split(), "1"
    )
    monkeypatch.setattr(run, "find_environment", lambda *_: environment)
    out, ran = tmp_path / "gpu.csv", []

    def late(job, device, environment, limit, show):
        ran.append(job)
        columns = {"what": "unfinished", "note": "took longer", "part": job.part}
        columns |= {"backend": job.backend, "command": job.command}
        return [make_row(**columns | job.setting.columns() | environment)]

    monkeypatch.setattr(run, "run_job", late)
    options = ["--gpu", "--backends", "torch", "--only", "step,gemm"]
    monkeypatch.setattr(sys, "argv", [SCRIPT, *options, "--output", str(out)])
    first, *rest = preset(["torch"])[:4]
    add_rows(out, late(first, "", environment, 1, print))
    ran.clear()
    assert run.main() == 1
    assert ran == [*rest, first]
