"""Parts of the benchmarks that a GPU does not run, at toy size."""

import importlib
import json
import sys
from pathlib import Path

import keras
import pytest

from keras_recur.data import _fashion_mnist

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
from run import DEFAULT, JOBS  # noqa: E402
from setting import Asked, parse_setting  # noqa: E402
from worker import ROW  # noqa: E402

sys.path.remove(str(BENCHMARKS))
# Other tests run these.
ELSEWHERE = ("import", "step", "replay")
SHORT = {"threads": ("SECONDS", 0.01), "short_epochs": ("EPOCHS", 2)}
TOY = [
    # Its three processes take long to start.
    pytest.param(job, marks=[pytest.mark.once] if part == "threads" else [])
    for part in (*DEFAULT, "threads")
    if part not in ELSEWHERE
    for job in JOBS[part](keras.backend.backend(), Asked(quick=True))
]


@pytest.mark.parametrize("job", TOY, ids=lambda job: job.command)
def test_the_part_reports_rows_at_toy_size(job, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    # The benchmark makes `data.load` accept files of random images.
    monkeypatch.setitem(
        _fashion_mnist.FILES, "train", dict(_fashion_mnist.FILES["train"])
    )
    script, *arguments = job.command.split(" ")
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    module = importlib.import_module(script.removesuffix(".py"))
    for name, value in [SHORT[job.part]] if job.part in SHORT else []:
        monkeypatch.setattr(module, name, value)
    module.measure(parse_setting(module.__doc__))
    lines = capsys.readouterr().out.splitlines()
    rows = [json.loads(s.removeprefix(ROW)) for s in lines if s.startswith(ROW)]
    assert len(rows) >= 3
    assert all(row["value"] >= 0 for row in rows)
    compared = [row for row in rows if row.get("ratio_to")]
    assert {row["ratio_to"] for row in compared} <= {
        row["variant"] for row in rows if "variant" in row
    }
    assert compared
