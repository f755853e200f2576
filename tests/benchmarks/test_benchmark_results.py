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


def soft_rows(mixing=0.2, training=1.01, inference=1.0, **columns):
    """Rows of the three parts on SWRN, with these ratios; mixing from 2 and from 6."""
    common = {"network": "swrn", "width": 10, "iterations": 3, "batch": 8, **columns}
    bank, rows = ("layer by layer", "bank"), []
    for part, what, k, ratio, variants in (
        ("mixing", "mixing", 2, mixing, bank),
        ("mixing", "mixing", 6, mixing / 2, bank),
        ("soft_step", "training step", 2, training, ("wrn", "swrn")),
        ("baked", "inference", 2, inference, ("wrn", "baked")),
    ):
        both = {**common, "part": part, "what": what, "templates": k}
        against = {"variant": variants[1], "ratio_to": variants[0]}
        rows.append(made_up(**both, variant=variants[0], value=0.4))
        rows.append(made_up(**both, **against, value=0.4 * ratio))
    return rows


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


def test_the_table_shows_soft_sharing_against_its_targets():
    from rows import with_ratios
    from tables import table

    rows = with_ratios(soft_rows(mixing=0.5, training=1.06, inference=1.01))
    lines = shown(table(rows, "jax")).splitlines()
    found = {
        k: line
        for line in lines
        for k in ("bank", "step", "baked")
        if f" {k}" in line and (k != "bank" or "2 templates" in line)
    }
    assert "0.50" in found["bank"] and "MISSED (≤ 0.333)" in found["bank"]
    assert "layer by layer 400 ms" in found["bank"]
    assert "1.06" in found["step"] and "MISSED (≤ 1.05)" in found["step"]
    assert "1.01" in found["baked"] and "met (≤ 1.02)" in found["baked"]
    assert any("6 templates" in line and "0.25" in line for line in lines)


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
    # What was not measured has no column, and is not explained.
    assert "later step: unrolled" not in text and "–" not in line
    assert "SWRN" not in text and "TensorFlow" not in text
    assert "Abacus 3, 2 cores" in text and "`results/abacus.csv`" in text.replace(
        tmp_path.name, "results"
    )
    assert "77" not in text


def test_a_line_is_added_for_what_xla_does_without_its_fusion(tmp_path):
    from markdown import markdown
    from rows import add_rows
    from setting import UNFUSED

    rows = [made_up(variant="unrolled", value=180.0)]
    add_rows(tmp_path / "abacus.csv", rows)
    assert UNFUSED not in markdown(tmp_path)
    rows.append(made_up(variant="unrolled", value=11.0, jit="unfused"))
    add_rows(tmp_path / "abacus.csv", rows)
    text = markdown(tmp_path)
    assert f"Unfused: XLA with `XLA_FLAGS={UNFUSED}`." in text
    assert "| jax 1.0 | 180 s |\n| jax 1.0, unfused | 11.0 s |" in text


def test_the_markdown_explains_what_was_measured_of_soft_sharing(tmp_path):
    from markdown import markdown
    from rows import add_rows

    add_rows(tmp_path / "abacus.csv", soft_rows())
    text = markdown(tmp_path)
    assert "| jax 1.0 | 0.20, 0.10 | 1.01 | 1.00 |" in text.splitlines()
    assert "3x3x640x640 kernels for 6 layers from 2 and 6 templates" in text
    assert "SWRN-28-10-2" in text and "WRN-28-10, at batch 8." in text
    assert "by hand" not in text
    failed = made_up(part="soft_step", network="swrn", batch=128, note="took too long")
    add_rows(tmp_path / "abacus.csv", [failed])
    assert "128" not in markdown(tmp_path)


def early_rows(batch, ratio, **columns):
    """Rows of stopping early, at this ratio; 99.6 % instead of 90.4 % are right."""
    common = {"part": "anytime", "network": "deep_thinking_1d", "size": 32}
    common |= {"iterations": 30, "batch": batch, **columns}
    whole, early = {"variant": "all iterations"}, {"variant": "agreement"}
    share = {"what": "early exit, accuracy", "unit": "share"}
    return [
        made_up(**common, what="early exit", value=0.2, **whole),
        made_up(
            **common,
            what="early exit",
            value=0.2 * ratio,
            ratio_to="all iterations",
            **early,
        ),
        made_up(**common, what="iterations run", value=7.03, unit="", **early),
        made_up(**common, **share, value=0.904, **whole),
        made_up(**common, **share, value=0.996, **early),
    ]


def test_the_markdown_says_what_stopping_early_saves_and_keeps(tmp_path):
    from markdown import markdown
    from rows import add_rows

    curve = {"part": "anytime", "what": "peak memory of a curve", "unit": "MiB"}
    curve |= {"size": 59, "batch": 25, "jit": False, "backend": "torch"}
    rows = early_rows(64, 0.43) + early_rows(1, 0.73)
    rows += [
        made_up(**curve, variant="stored", value=2129, iterations=100),
        made_up(**curve, variant="streamed", value=31, iterations=100),
        made_up(**curve, variant="streamed", value=30, iterations=1000),
    ]
    add_rows(tmp_path / "abacus.csv", rows)
    text = markdown(tmp_path)
    assert "| jax 1.0 | 0.73, 0.43 | – | – |" in text
    assert "| torch 1.0 | – | 2129 MiB | 30.0 MiB |" in text
    assert "strings" not in text and "32 bits at batch 1 and 64" in text
    assert "99.6% right after 7.0 iterations on average, 90.4% after all." in text
    assert "25 inputs of 59x59, outputs of all 100 iterations stored, and 1000" in text


def test_the_markdown_says_what_a_search_adds(tmp_path):
    from markdown import markdown
    from rows import add_rows, read_rows
    from tables import table

    trial = {"part": "search_overhead", "what": "trial, processor time", "size": 12}
    workers = {"part": "search_workers", "what": "trials", "unit": "per hour"}
    grown = {"part": "search_memory", "what": "resident memory, last over first"}
    grown |= {"unit": "ratio"}
    rows = [
        made_up(**trial, variant="fit", value=10.0),
        made_up(**trial, variant="search", value=10.6, ratio_to="fit"),
        made_up(**workers, variant="1 worker", value=200.0),
        made_up(**workers, variant="2 workers", value=391.0, ratio_to="1 worker"),
        made_up(**{**workers, "what": "load of the machine before"}, value=5.25),
        made_up(**grown, variant="replaced", value=1.02),
        made_up(**grown, variant="kept", value=1.4),
    ]
    add_rows(tmp_path / "abacus.csv", rows)
    text = markdown(tmp_path)
    assert "| jax 1.0 | 1.06 | 200 | 391 | 1.02 | 1.4 |" in text
    assert "12 epochs of 8,000 strings of 12 bits" in text
    assert "5.25 processes ran or waited" in text
    shown_table = shown(table(read_rows(tmp_path / "abacus.csv"), "jax"))
    assert "MISSED (≤ 1.05)" in shown_table and "met (≤ 1.1)" in shown_table
    assert "1.96" in shown_table  # Two workers against one.


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
    assert "keras_recur" in done.stdout
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["what"] for row in rows] == ["import", "import", "import, difference"]
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


def exported_rows(ratio=0.6, right=1.0, **columns):
    """Rows of one published network: served in this share of the time."""
    common = {"part": "exported", "network": "deep_thinking_1d", "size": 16}
    common |= {"batch": 64, "iterations": 8, "width": 48, **columns}
    pairs, share = "exported, pair by pair", "exported, accuracy"
    return [
        made_up(**common, what=pairs, variant="exported", value=0.95),
        made_up(**common, what=pairs, variant="until-0.9", value=ratio),
        made_up(**common, what=share, variant="exported", value=0.99),
        made_up(**common, what=share, variant="until-0.9", value=right),
        made_up(
            **common, what="exported, iterations run", variant="until-0.9", value=3.0
        ),
    ]


@pytest.mark.once
@pytest.mark.parametrize(
    ("ratio", "right", "said"),
    [
        (0.6, 0.99, "saves 40 % on prefix sums of 16 bits (confidence 0.9)."),
        (0.8, 1.0, "saves 20 % on prefix sums of 16 bits (confidence 0.9): nowhere"),
        (1.2, 1.0, "saves nothing on prefix sums of 16 bits: nowhere"),
        (0.1, 0.98, "saves nothing: nowhere"),  # It loses right answers.
    ],
)
def test_what_serving_saves_is_said_as_it_is(ratio, right, said):
    from exported_table import exported_table

    text = "\n".join(exported_table(exported_rows(ratio, right)))
    assert said in text
    cells = f"| {ratio:.2f} | {right:.1%} (all iterations: 99.0%) | 3.0 of 8 |"
    assert f"| confidence 0.9 {cells}" in text


@pytest.mark.once
def test_cards_say_what_serving_saves(tmp_path):
    from exported_cards import write_cards
    from rows import add_rows

    with pytest.raises(ValueError, match="No exported network was measured"):
        write_cards(tmp_path, tmp_path)
    card = tmp_path / "deep_thinking_1d-prefix_sums" / "README.md"
    card.parent.mkdir()
    card.write_text("# An entry\n\nHow it was made.\n")
    for ratio, said in ((0.6, "saves 40 %"), (0.8, "saves 20 %")):
        add_rows(tmp_path / "machine.csv", exported_rows(ratio))
        assert write_cards(tmp_path, tmp_path) == [card]
        text = card.read_text()
        assert text.startswith("# An entry\n\nHow it was made.\n\n## Exported\n")
        assert text.count("## Exported") == 1 and said in text
