"""The benchmarks' file, tables and command, on made-up rows: nothing is timed."""

import csv
import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("tensorflow", "jax", "torch")


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """The scripts import each other by their bare names."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def made_up(backend="jax", hardware="Abacus 3, 2 cores", **columns):
    from rows import make_row

    common = {
        "part": "compile",
        "what": "first step",
        "jit": True,
        "network": "deep_thinking_2d",
        "iterations": 100,
        "unit": "s",
        "os": "Linux 6",
        "python": "3.11",
        "keras": "3.15",
        "backend_version": "1.0",
        "dtype": "float32",
        "date": "2026-01-01",
    }
    return make_row(**common | columns | {"backend": backend, "hardware": hardware})


def step_rows(ours=1.02, **columns):
    common = {"part": "step", "what": "step", "iterations": 8, **columns}
    return [
        made_up(**common, variant="by hand", value=0.2),
        made_up(**common, variant="zoo", value=0.2 * ours, ratio_to="by hand"),
    ]


def shown(renderable):
    console = Console(file=io.StringIO(), width=200)
    console.print(renderable)
    return console.file.getvalue()


def test_rows_come_back_from_the_file_as_they_were(tmp_path):
    from rows import add_rows, read_rows

    path = tmp_path / "deep" / "cpu.csv"
    rows = add_rows(path, [made_up(variant="unrolled", value=1 / 3, note='a "b", c')])
    assert read_rows(path) == rows
    assert rows[0].value == "0.3333"
    assert rows[0].jit == "true"
    assert not list(path.parent.glob("*.part"))


def test_ratios_are_taken_across_jobs_in_any_order(tmp_path):
    from rows import add_rows

    path = tmp_path / "cpu.csv"
    rolled = made_up(variant="rolled", value=1.0, ratio_to="unrolled", command="b")
    assert add_rows(path, [rolled])[0].ratio == ""
    unrolled = made_up(variant="unrolled", value=4.0, command="a")
    elsewhere = made_up(variant="unrolled", value=9.0, hardware="Other", command="a")
    rows = add_rows(path, [unrolled, elsewhere])
    assert [row.ratio for row in rows] == ["0.25", "", ""]


def test_a_repeated_measurement_replaces_its_rows_and_no_others(tmp_path):
    from rows import add_rows

    path = tmp_path / "cpu.csv"
    for n in (10, 30):
        add_rows(path, [made_up(iterations=n, value=float(n), command=f"--n {n}")])
    add_rows(path, [made_up("torch", iterations=10, value=5.0, command="--n 10")])
    again = made_up(iterations=10, value=7.0, repeats=99, command="--n 10 --repeats 99")
    rows = add_rows(path, [again])
    assert sorted(row.value for row in rows) == ["30", "5", "7"]


def test_a_result_replaces_the_note_of_a_failure(tmp_path):
    from rows import add_rows

    path = tmp_path / "cpu.csv"
    add_rows(path, [made_up(what="compile (unfinished)", note="failed", command="a")])
    rows = add_rows(path, [made_up(value=1.0, command="a")])
    assert [row.note for row in rows] == [""]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", None])
def test_a_foreign_or_truncated_file_is_an_error_and_is_kept(tmp_path, text):
    from rows import add_rows

    path = tmp_path / "cpu.csv"
    if text is None:
        add_rows(path, [made_up(value=1.0)])
        text = path.read_text()[:-40]
    path.write_text(text)
    with pytest.raises(ValueError, match="cpu.csv"):
        add_rows(path, [made_up(value=2.0)])
    assert path.read_text() == text


def test_the_table_shows_ratios_and_targets():
    from rows import with_ratios
    from tables import table

    rows = with_ratios(step_rows(1.02) + step_rows(1.5, network="deep_thinking_1d"))
    rows.append(made_up(variant="rolled", note="took longer than 600 s"))
    text = shown(table(rows, "jax"))
    assert "1.02" in text and "met (≤ 1.03)" in text
    assert "1.50" in text and "MISSED (≤ 1.03)" in text
    assert "by hand 200 ms" in text
    assert "took longer than 600 s" in text


def test_the_markdown_quotes_the_file_and_leaves_quick_runs_out(tmp_path):
    from markdown import markdown
    from rows import add_rows

    with pytest.raises(ValueError, match="No results"):
        markdown(tmp_path)
    rows = step_rows(1.02)
    for variant, value in (("unrolled", 12.0), ("rolled", 1.5)):
        rows.append(made_up(variant=variant, value=value))
    peak = {"part": "memory", "what": "peak memory", "unit": "MiB"}
    rows.append(made_up(**peak, variant="plain", value=480.0))
    rows.append(made_up(**peak, variant="remat", value=55.5))
    more = {"part": "import", "what": "import, difference", "iterations": None}
    rows.append(made_up(**more, jit=None, network="", variant="x", value=0.123))
    add_rows(tmp_path / "abacus.csv", rows)
    add_rows(tmp_path / "abacus-quick.csv", [made_up(value=77.0)])
    text = markdown(tmp_path)
    line = next(line for line in text.splitlines() if line.startswith("| jax"))
    for cell in ("1.02", "+0.12 s", "12.0 s", "1.50 s", "480 MiB", "55.5 MiB"):
        assert f" {cell} |" in line
    # What was not measured has no column.
    assert "later step: unrolled" not in text and "–" not in line
    assert "Abacus 3, 2 cores" in text and "`results/abacus.csv`" in text.replace(
        tmp_path.name, "results"
    )
    assert "77" not in text


def test_write_readme_replaces_only_what_is_between_the_markers(tmp_path):
    from markdown import write_readme

    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nz\n")
    for text in ("new", "newer"):
        write_readme(readme, text)
    expected = "a\n<!-- benchmarks -->\nnewer\n<!-- /benchmarks -->\nz\n"
    assert readme.read_text() == expected
    readme.write_text("no markers")
    with pytest.raises(ValueError, match="has no lines"):
        write_readme(readme, "new")


@pytest.mark.parametrize("name", BACKENDS)
def test_every_job_names_its_own_command(name):
    import compile_time
    import import_time
    import memory
    import step

    parts = (step, compile_time, memory, import_time)
    for quick in (False, True):
        jobs = [job for part in parts for job in part.jobs(name, quick, None)]
        commands = [job.command for job in jobs]
        assert len(set(commands)) == len(commands)
        for job in jobs:
            assert (ROOT / "benchmarks" / job.command.split()[0]).is_file()


def test_slug():
    from environment import slug

    assert slug("NVIDIA H200 (host: AMD EPYC, 16 cores)") == "nvidia-h200"
    assert slug("AMD EPYC, 2 cores") == "amd-epyc-2-cores"


def test_the_command_runs_and_writes_its_rows(tmp_path, backend):
    out = tmp_path / "cpu.csv"
    # JAX starts in a third of TensorFlow's time, and the command is the same.
    backend = "jax" if importlib.util.find_spec("jax") else backend
    options = ["--quick", "--only", "import", "--device", "cpu", "--out", str(out)]
    script = str(ROOT / "benchmarks" / "run.py")
    command = [sys.executable, script, "--backends", backend, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "keras_recur" in done.stdout
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["what"] for row in rows] == ["import", "import", "import, difference"]
    assert {row["backend"] for row in rows} == {backend}
    for column in ("hardware", "os", "python", "keras", "backend_version", "date"):
        assert all(row[column] for row in rows)


@pytest.mark.parametrize("wrong", [["--only", "speed"], ["--repeats", "0"]])
def test_wrong_options_are_refused_with_what_is_allowed(wrong):
    script = str(ROOT / "benchmarks" / "run.py")
    done = subprocess.run([sys.executable, script, *wrong], capture_output=True)
    assert done.returncode == 2
    assert wrong[1].encode() in done.stderr
