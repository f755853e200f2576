"""The benchmarks' file, page and command, on made-up rows: nothing is timed."""

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

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


def step_rows(ours, network):
    common = {"part": "step", "what": "step", "iterations": 8, "network": network}
    return [
        made_up(**common, variant="by hand", value=0.2),
        made_up(**common, variant="zoo", value=0.2 * ours, ratio_to="by hand"),
    ]


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


def test_speed_page_shows_each_measurement_once_and_leaves_out_quick_runs(tmp_path):
    from rows import add_rows
    from speed_page import speed_page

    with pytest.raises(ValueError, match="No results"):
        speed_page(tmp_path)
    step = {"what": "first step", "unit": "s"}
    rows = step_rows(1.02, "deep_thinking_2d") + [
        made_up(**step, variant="unrolled", value=12.0),
        made_up(**step, variant="rolled", value=0.15),
        made_up(**step, variant="unrolled", jit="unfused", note="took too long"),
        made_up("torch", jit=False, **step, variant="rolled", value=123.4),
    ]
    add_rows(tmp_path / "abacus.csv", rows)
    add_rows(tmp_path / "abacus-quick.csv", [made_up(value=77.0)])
    lines = speed_page(tmp_path).splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        "## Training step against hand-written Keras",
        "## Unrolled and rolled loops",
    ]
    assert "| jax 1.0 | 1.02 | – |" in lines
    assert "| jax 1.0 | 12.0 s | 150 ms | – | – |" in lines
    assert "| jax 1.0, unfused | no result | – | – | – |" in lines
    assert "| torch 1.0 | – | 123 s | – | – |" in lines
    source = "Abacus 3, 2 cores, float32, Python 3.11, Keras 3.15, 2026-01-01; rows in "
    assert lines.count(f"{source}`benchmarks/results/abacus.csv`.") == 2
    assert sum("target is at most 1.03" in line for line in lines) == 1
    assert "77" not in "".join(lines)


def test_speed_page_has_a_line_for_each_rule_of_early_exit(tmp_path):
    from rows import add_rows
    from speed_page import speed_page

    common = {"part": "exported", "network": "deep_thinking_1d", "size": 16}
    share = {"what": "exported, accuracy", "unit": "share", "batch": 64}
    pairs = {"what": "exported, pair by pair", "unit": "ratio", "batch": 64}
    rows = [
        made_up(**common, **pairs, variant="exported", value=0.95),
        made_up(**common, **pairs, variant="until-0.9", value=0.6),
        made_up(**common, **share, variant="exported", value=0.99),
        made_up(**common, **share, variant="until-0.9", value=1.0),
    ]
    add_rows(tmp_path / "abacus.csv", rows)
    lines = speed_page(tmp_path).splitlines()
    assert "| jax 1.0 | – | 0.95 | – | – |" in lines
    assert "| confidence 0.9 | – | 0.60 | 100.0 % | 99.0 % | – |" in lines
    assert sum(line.startswith("| confidence") for line in lines) == 1


@pytest.mark.once
def test_speed_page_in_the_documentation_is_that_of_the_files():
    from speed_page import BEGIN, END, speed_page

    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    shown = page.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == speed_page(ROOT / "benchmarks" / "results")
    tables = [line for line in shown.splitlines() if line.startswith("| ")]
    assert all(line.count(" | ") < 6 for line in tables)


def test_write_page_replaces_only_what_is_between_the_markers(tmp_path):
    from speed_page import write_page

    page = tmp_path / "speed.md"
    page.write_text("a\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nz\n")
    for text in ("new", "newer"):
        write_page(page, text)
    expected = "a\n<!-- benchmarks -->\nnewer\n<!-- /benchmarks -->\nz\n"
    assert page.read_text() == expected
    page.write_text("no markers")
    with pytest.raises(ValueError, match="has no lines"):
        write_page(page, "new")


@pytest.mark.parametrize("name", BACKENDS)
def test_every_job_names_its_own_command(name):
    from run import JOBS
    from setting import PARTS, Asked

    assert list(JOBS) == list(PARTS)
    for quick in (False, True):
        jobs = [job for part in JOBS.values() for job in part(name, Asked(quick))]
        commands = [job.command for job in jobs]
        assert len(set(commands)) == len(commands)
        for job in jobs:
            assert (ROOT / "benchmarks" / job.command.split()[0]).is_file()


@pytest.mark.parametrize("part", ["soft_step", "baked"])
def test_sizes_of_swrn_follow_the_device_and_what_was_asked(part):
    from run import JOBS
    from setting import Asked

    def sizes(**asked):
        (job,) = JOBS[part]("jax", Asked(**asked))
        return job.setting.width, job.setting.batch, job.setting.repeats

    assert sizes()[:2] == (10, 8)
    assert sizes(device="gpu")[:2] == (10, 128)
    asked = {"width": 4, "batch": 32, "repeats": 5}
    assert sizes(device="gpu", **asked) == (4, 32, 5)
    assert sizes(quick=True, **asked) == (4, 32, 5)


def test_the_reference_of_mixing_gives_the_same_kernels_and_their_gradients():
    import numpy as np
    from keras import ops
    from mixing import layer_by_layer, with_gradients

    from keras_recur.layers import TemplateBank

    bank = TemplateBank(2, (3, 3, 4, 4), num_layers=3, seed=0)
    bank.build()
    weights = [ops.convert_to_tensor(v.numpy()) for v in bank.trainable_variables]
    given = [ops.ones((3, 3, 4, 4)) * n for n in (1.0, 2.0, 3.0)]
    *kernels, templates, coefficients = [
        ops.convert_to_numpy(x)
        for x in with_gradients(layer_by_layer, False)(weights, given)
    ]
    mixed = ops.convert_to_numpy(bank.mix())
    np.testing.assert_allclose(np.stack(kernels), mixed, rtol=1e-5, atol=1e-6)
    values, c = (ops.convert_to_numpy(w) for w in weights)
    expected = np.array([1.0, 2.0, 3.0]) @ c
    np.testing.assert_allclose(templates[:, 0, 0, 0, 0], expected, rtol=1e-5)
    sums = values.sum(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(
        coefficients, np.outer([1.0, 2.0, 3.0], sums), rtol=1e-4, atol=1e-4
    )


def test_slug():
    from environment import slug

    assert slug("NVIDIA H200 (host: AMD EPYC, 16 cores)") == "nvidia-h200"
    assert slug("AMD EPYC, 2 cores") == "amd-epyc-2-cores"


@pytest.mark.once
def test_the_command_runs_and_writes_its_rows(tmp_path, backend):
    out = tmp_path / "cpu.csv"
    # JAX starts in a third of TensorFlow's time, and the command is the same.
    backend = "jax" if importlib.util.find_spec("jax") else backend
    options = ["--quick", "--only", "import", "--device", "cpu", "--output", str(out)]
    script = str(ROOT / "benchmarks" / "run.py")
    command = [sys.executable, script, "--backends", backend, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stderr.replace("\n", "")
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = ["import", "import", "import, difference", "help"]
    assert [row["what"] for row in rows] == expected
    assert {row["backend"] for row in rows} == {backend}
    for column in ("hardware", "os", "python", "keras", "backend_version", "date"):
        assert all(row[column] for row in rows)


@pytest.mark.once
@pytest.mark.parametrize("wrong", [["--only", "speed"], ["--repeats", "0"]])
def test_wrong_options_are_refused_with_what_is_allowed(wrong):
    script = str(ROOT / "benchmarks" / "run.py")
    done = subprocess.run([sys.executable, script, *wrong], capture_output=True)
    assert done.returncode == 2
    assert wrong[1].encode() in done.stderr


def test_speed_page_shows_what_only_a_gpu_has(tmp_path):
    from rows import add_rows
    from speed_page import speed_page

    gpu = {"device": "gpu", "hardware": "Abacus GPU (host: Abacus 3)", "jit": False}
    twin = {"part": "twins", "what": "step of a twin"}
    trials = {"part": "search_workers", "what": "trials", "unit": "per hour"}
    share = {"part": "gemm", "what": "share of the matrix product", "unit": "share"}
    rows = [
        made_up("torch", **gpu, **columns)
        for columns in (
            {**twin, "network": "mlp", "variant": "feedforward", "value": 0.1},
            {
                **twin,
                "network": "mlp",
                "variant": "recurrent",
                "value": 0.2,
                "ratio_to": "feedforward",
            },
            {**trials, "variant": "1 worker", "value": 100.0},
            {**trials, "variant": "8 workers", "value": 400.0},
            {**share, "network": "swrn", "dtype": "mixed_bfloat16", "value": 0.5},
            {
                "part": "memory",
                "what": "peak memory",
                "variant": "rolled",
                "unit": "MiB",
                "value": 512.0,
            },
        )
    ]
    add_rows(tmp_path / "gpu.csv", rows)
    lines = speed_page(tmp_path).splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        "## Loops on a GPU",
        "## Recurrent networks against their twins",
        "## Share of the peak in bfloat16",
        "## Workers of a search on one GPU",
    ]
    assert "| torch 1.0 | – | – | – | – | 512 MiB |" in lines
    assert "| `mlp` | – | – | 2.00 |" in lines
    assert "| torch 1.0 | – | 50.0 % | – |" in lines
    assert "| torch 1.0 | 100 | – | – | 400 |" in lines


def test_no_table_has_more_than_six_columns():
    from measurements import MEASUREMENTS

    assert max(len(measurement.cells) for measurement in MEASUREMENTS) <= 5
