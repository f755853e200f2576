"""The command line, as users type it."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import keras_recur
from keras_recur import data, experiments, runs
from keras_recur.cli import main as cli
from keras_recur.layers import Depth

# tests/runs tests the same functions on every backend.
pytestmark = pytest.mark.once("jax")
TINY = "--quick --width 4 --iterations 2 --size 4 --examples 100 --epochs 1".split()
TINY += ["--jobs", "0"]


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


SEARCH = [
    *("search mlp --data digits --widths 4,8 --iterations 1,2 --sharing all").split(),
    *("--quick --examples 64 --epochs 1 --seeds 1 --fresh-seeds 1").split(),
]


def test_search_writes_a_report_and_refuses_another_search(tmp_path):
    result = call(*SEARCH, "--output", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "4 runs of 4 configurations: 4 finished" in result.output
    assert (tmp_path / "run/report.html").exists()
    result = call(*SEARCH, "--output", tmp_path / "run", "--macs", 500)
    assert result.exit_code == 1 and "another search" in str(result.exception)


def test_search_with_optuna(tmp_path):
    options = ["--oracle", "optuna", "--objectives", "accuracy,parameters"]
    result = call(*SEARCH, *options, "--trials", 2, "--output", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "2 runs of 2 configurations: 2 finished" in result.output
    assert "3 of 3 runs done, 0 running, 0 failed, best so far" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--oracle", "optuna", "--objectives", "speed"], "`objectives`.*'speed'"),
        (["--objectives", "macs"], "for oracle='optuna' alone"),
        (["--widths", "4,x"], "--widths must be integers.*Received: '4,x'"),
        (["--learning-rate", "fast"], "--learning-rate must be.*Received: 'fast'"),
        (["--tolerance", 0.1], "at least one limit"),
        (["--macs", 3], "No network meets the budget.*at most 3 macs. Nearest: width"),
        (["--equal", "macs"], "needs to know how many"),
    ],
)
def test_search_refuses_invalid_options(options, message, tmp_path):
    result = call(*SEARCH, *options, "--output", tmp_path / "run")
    assert result.exit_code == 1
    assert re.search(message, str(result.exception)), result.exception
    assert not (tmp_path / "run").exists()


def test_list_and_show():
    text = call("list").output
    assert "deep_thinking_2d" in text and "prefix_sums" in text and "cifar10" in text
    assert "mlp" not in call("list", "deep_*").output
    text = call("show", "mlp").output
    assert (
        "arXiv:2102.11011" in text and "656,810" in text and "effective depth" in text
    )


def test_compare_trains_one_network_and_resumes(tmp_path):
    command = "compare mlp --data digits --quick --width 4 --examples 100".split()
    command += "--epochs 1 --only feedforward --seeds 1 --first-seed 3".split()
    command += ["--output", tmp_path / "run"]
    result = call(*command)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run/report.html").exists()
    assert "seed 3, feedforward" in result.output
    assert [p.name for p in (tmp_path / "run/seed-3").iterdir()] == ["feedforward"]
    again = call(*command)
    assert again.exit_code == 1 and "--resume" in str(again.exception)
    assert call(*command, "--resume").exit_code == 0


def test_compare_shows_tables_and_the_report(tmp_path):
    command = ["compare", "deep_thinking_1d", "--data", "prefix_sums", *TINY]
    result = call(*command, "--seeds", 1, "--output", tmp_path / "run")
    assert result.exit_code == 0, result.output
    for text in (
        "recurrent",
        "feed-forward twin",
        "size 8",
        "parameters",
        "report.html",
    ):
        assert text in result.output


def test_interrupted_command_says_how_to_resume(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "compare", interrupted)
    command = ["compare", "deep_thinking_1d", "--data", "prefix_sums", *TINY]
    result = call(*command, "--output", tmp_path / "run")
    assert result.exit_code == 130 and "--resume" in result.output


def test_experiment_takes_its_options(tmp_path, monkeypatch):
    asked = []

    def run(experiment, folder, seeds, *, networks, resume, report, progress, jobs):
        assert networks == (["gru"] if resume else list(experiment.networks))
        asked.append((experiment, str(folder), seeds, resume))
        assert jobs == (3 if resume else "auto")
        report("seed 4, shared: done")
        return {"runs": [{"status": "diverged" if resume else "finished"}]}

    monkeypatch.setattr(experiments, "run_experiment", run)
    command = ["experiment", "readout-times", "--seeds", 2, "--first-seed", 4]
    result = call(*command, "--quick", "--data", "mnist", "--width", 6, "--epochs", 9)
    assert result.exit_code == 0, result.output
    assert "seed 4, shared: done" in result.output
    quick = experiments.ReadoutTimesExperiment.quick(data="mnist", width=6, epochs=9)
    assert asked[0] == (quick, "runs/readout-times-mnist-quick", [4, 5], False)
    resumed = ["--output", tmp_path, "--resume", "--jobs", 3, "--only", "gru"]
    failed = call("experiment", "text", *resumed)
    assert asked[1] == (experiments.TextExperiment(), str(tmp_path), [0, 1, 2], True)
    assert failed.exit_code == 1


def test_supervision_experiment_takes_the_options_of_an_entry(tmp_path, monkeypatch):
    asked = []

    def run(experiment, folder, seeds, **_):
        asked.append(
            (experiment.networks, experiment.entry.model["width"], str(folder))
        )
        return {"runs": []}

    monkeypatch.setattr(experiments, "run_experiment", run)
    command = ["experiment", "supervision", "mlp", "--data", "digits", "--quick"]
    result = call(*command, "--width", 7, "--losses", "final,geometric")
    assert result.exit_code == 0, result.output
    networks = ("recurrent-final", "recurrent-geometric")
    networks += ("feedforward-final", "feedforward-geometric")
    assert asked == [(networks, 7, "runs/supervision-mlp-digits-quick")]


def test_replay_experiment_has_a_usual_entry(tmp_path, monkeypatch):
    asked = []

    def run(experiment, folder, seeds, **_):
        asked.append((experiment, str(folder), seeds))
        return {"runs": []}

    monkeypatch.setattr(experiments, "run_experiment", run)
    result = call("experiment", "replay", "--quick", "--seeds", 5)
    assert result.exit_code == 0, result.output
    usual = "runs/replay-deep_thinking_1d-prefix_sums-quick"
    assert asked == [(experiments.ReplayExperiment(), usual, [0, 1, 2, 3, 4])]
    command = ["experiment", "replay", "deep_thinking_2d", "--data", "mazes", "--quick"]
    command += ["--sizes", "5,9", "--longest", 13, "--long-run", 500]
    result = call(*command, "--width", 7)
    assert result.exit_code == 0, result.output
    experiment, folder, _ = asked[1]
    assert folder == "runs/replay-deep_thinking_2d-mazes-quick"
    assert (experiment.test_sizes, experiment.long_run) == ((5, 9, 13), 500)
    assert experiment.entry.model["width"] == 7


@pytest.fixture
def asked(monkeypatch):
    """Return a function that calls a command and returns its two recipes."""
    entries = []

    def stop(entry, *_, **__):
        entries.append(entry)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "compare", stop)

    def run(*command):
        result = call(*command)
        assert result.exit_code == 130, (result.output, result.exception)
        return entries[-1].recipes["recurrent"], entries[-1].recipes["feedforward"]

    return run


def test_compare_takes_the_options_of_losses(asked):
    strings = ["deep_thinking_1d", "--data", "prefix_sums", *TINY]
    usual, _ = asked("compare", *strings)
    assert usual.loss_weights == "window" and not usual.every_readout
    for recipe in asked("compare", *strings, "--loss-weights", "0.25,1"):
        assert recipe.loss_weights == (0.25, 1.0)
        assert recipe.progressive == 0.0 and recipe.every_readout
    options = ["--loss-weights", "geometric", "--gamma", 1.5]
    for recipe in asked("compare", *strings, *options):
        assert (recipe.loss_weights, recipe.gamma) == ("geometric", 1.5)
    options = ["--anneal-from", "uniform", "--anneal-epochs", 3]
    for recipe in asked("compare", *strings, *options):
        assert (recipe.anneal_from, recipe.anneal_epochs) == ("uniform", 3)
        assert recipe.every_readout
    recipe, _ = asked("compare", *strings, "--loss-weights", "final")
    assert (recipe.loss_weights, recipe.window, recipe.replay) == ("final", None, 0.66)
    recipe, twin = asked("compare", *strings, "--progressive", 0.5)
    assert (recipe.progressive, recipe.replay, recipe.loss_weights) == (0.5, 0, "final")
    recipe, twin = asked("compare", *strings, "--replay", 0.3, "--window", 2)
    assert (recipe.replay, recipe.window, twin.replay) == (0.3, 2, 0.0)


def test_compare_takes_the_depth_of_the_progressive_loss(asked):
    strings = ["compare", "deep_thinking_1d", "--data", "prefix_sums", *TINY]
    expected = {"uniform": "uniform", "4": Depth(4), "4,0.25,2": Depth(4, 0.25, 2)}
    for given, depth in expected.items():
        recipe, twin = asked(*strings, "--progressive-depth", given)
        assert (recipe.progressive, recipe.progressive_depth) == (1.0, depth)
        assert (twin.progressive, twin.progressive_depth) == (0.0, "paper")


def test_compare_trains_coarse_to_fine(asked):
    images = ["resnet_bn", "--data", "cifar100", "--quick"]
    for recipe in asked("compare", *images, "--coarse-to-fine", "power"):
        assert recipe.hierarchy == data.superclasses("cifar100")
        assert (recipe.coarse_to_fine, recipe.loss_weights) == ("power", "uniform")
        assert recipe.source.startswith("as on cifar10: ")
    digits = ["mlp", "--data", "digits", "--quick"]
    given = ["--hierarchy", "0,0,0,0,0,1,1,1,1,1", "--loss-weights", "geometric"]
    for recipe in asked("compare", *digits, *given):
        assert recipe.hierarchy == (0,) * 5 + (1,) * 5
        assert (recipe.coarse_to_fine, recipe.loss_weights) == (None, "geometric")
    given[-1] = "final"
    annealed = [*given, "--anneal-from", "uniform", "--anneal-epochs", 2]
    recipe, _ = asked("compare", *digits, *annealed)
    assert recipe.hierarchy and recipe.anneal_from == "uniform"


_DIGITS = ["compare", "mlp", "--data", "digits", "--quick", "--iterations", "3"]


@pytest.mark.parametrize(
    "options, message",
    [
        ("--loss-weights unifrom", "as 0.1,0.2,0.7. Received: 'unifrom'. Did you mean"),
        ("--loss-weights 0.5,1", "each of the 3 readouts. Received: 2 numbers"),
        ("--loss-weights 1,nan,1", "finite numbers"),
        ("--gamma 2", "add --loss-weights geometric or --anneal-from geometric"),
        ("--anneal-from uniform", "need each other. Received: --anneal-from alone"),
        ("--anneal-epochs 2", "need each other. Received: --anneal-epochs alone"),
        (
            "--anneal-from 1,1 --anneal-epochs 2",
            "--anneal-from must be a number for each of the 3 readouts",
        ),
        ("--anneal-from final --anneal-epochs 2", "must differ from `loss_weights`"),
        (
            "--coarse-to-fine linear",
            "digits has no superclasses. Give --hierarchy",
        ),
        ("--hierarchy 0,1", "each of the 10 classes. Received: 2"),
        ("--hierarchy 0,one", "integers separated by commas"),
        (
            "--hierarchy 0,0,0,0,0,1,1,1,1,1 --coarse-to-fine liner",
            "Did you mean 'linear'",
        ),
        (
            "--hierarchy 0,0,0,0,0,1,1,1,1,1 --loss-weights final",
            "Did you mean --loss-weights uniform?",
        ),
        ("--progressive 1 --loss-weights uniform", "needs loss_weights='final'"),
        ("--progressive-depth uniform", "`progressive_depth` needs a progressive loss"),
        ("--progressive-depth unifrom", "Did you mean 'uniform'"),
        ("--progressive-depth 4,0.5,1.5", "such as 32,0.5,8. Received: '4,0.5,1.5'"),
        ("--progressive-depth 4,1,2,3", "Received: '4,1,2,3'"),
        ("--progressive-depth 0", "`mean` must be a finite number above 0"),
    ],
)
def test_compare_refuses_losses_that_exclude_each_other(options, message, asked):
    result = call(*_DIGITS, *options.split())
    assert isinstance(result.exception, ValueError)
    assert message in str(result.exception)


def test_losses_require_iterations(asked):
    command = "compare swrn --data cifar100 --loss-weights uniform".split()
    error = str(call(*command).exception)
    assert "no `iterations`" in error and "Received: --loss-weights." in error


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["show", "resnett"], "Did you mean 'resnet"),
        (["compare", "mlp", "--data", "cifar11"], "Did you mean 'cifar10"),
        (["compare", "mlp", "--data", "mazes"], "do not fit"),
        (["compare", "mlp", "--data", "cifar10", "--seeds", "0"], "`seeds`"),
        (["compare", "mlp", "--data", "cifar10", "--only", "both"], "recurrent"),
        (
            [
                "compare",
                "deep_thinking_2d",
                "--data",
                "mazes",
                "--quick",
                "--size",
                "10",
            ],
            "odd",
        ),
        (
            ["compare", "mlp", "--data", "cifar10", "--milestones", "ten"],
            "--milestones",
        ),
        (
            [
                "compare",
                "mlp",
                "--data",
                "cifar10",
                "--quick",
                "--data-dir",
                "/nowhere",
            ],
            "mazes, prefix_sums",
        ),
        (["card", "/nowhere"], "not a run folder"),
        (
            ["experiment", "supervision", "mlp", "--data", "digits"]
            + ["--losses", "final"],
            "two or more different losses",
        ),
        (["experiment", "replay"], "`replay` above 0"),
        (["experiment", "replay", "--quick", "--sizes", "16;32"], "--sizes must be"),
        (["experiment", "sharing", "--data", "mazes"], "digits"),
    ],
)
def test_errors_are_one_sentence(arguments, message, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["keras-recur", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    error = " ".join(capsys.readouterr().err.split())
    assert error.startswith("Error: ") and message in error
    assert "Traceback" not in error


def error_of(arguments, monkeypatch, capsys):
    """Return what a command writes to standard error, and its exit status."""
    monkeypatch.setattr("sys.argv", ["keras-recur", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return capsys.readouterr().err, stopped.value.code


@pytest.mark.parametrize("name", ["runs[v2]", "x[/red]", "[bold]", ":smile:"])
def test_paths_keep_their_brackets(name, monkeypatch, capsys, tmp_path):
    error, code = error_of(["card", tmp_path / name], monkeypatch, capsys)
    assert code == 1 and f"{name} has no run.json" in error


def test_messages_keep_their_brackets(monkeypatch, capsys):
    def refuse(*_, **__):
        raise ValueError("install [optuna] [/]")

    monkeypatch.setattr(runs, "make_entry", refuse)
    command = ["compare", "mlp", "--data", "digits"]
    error, code = error_of(command, monkeypatch, capsys)
    assert (error, code) == ("Error: install [optuna] [/]\n", 1)


NO_MEMORY = "There is not enough memory."
NO_SPACE = "No space left on the disk"


class ResourceExhaustedError(Exception):
    """Like TensorFlow's, which is not a RuntimeError."""


@pytest.mark.parametrize(
    ("error", "begin"),
    [
        (MemoryError(), NO_MEMORY),
        (ResourceExhaustedError("OOM when allocating tensor\nwith shape"), NO_MEMORY),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 B"), NO_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 B"), NO_MEMORY),
        (OSError(28, "Can't write (time = Mon\n, buf = 0x1)"), NO_SPACE + "."),
        (OSError(28, "No space left on device", "a.h5"), NO_SPACE + ": a.h5."),
    ],
)
def test_lack_of_memory_or_space_is_one_sentence(error, begin, monkeypatch, capsys):
    def fill(*_, **__):
        raise error

    monkeypatch.setattr(runs, "make_entry", fill)
    command = ["compare", "mlp", "--data", "digits"]
    said, code = error_of(command, monkeypatch, capsys)
    assert said.startswith(f"Error: {begin}") and code == 1
    assert "Traceback" not in said and said.count("\n") == 1


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    command = "compare mlp --data digits --quick --width 4 --examples 64".split()
    command += "--epochs 1 --only recurrent --seeds 1 --jobs 0".split()
    assert call(*command, "--output", "~/run").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert (tmp_path / "home/run/report.html").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["experiment", "shared"], "Did you mean 'sharing'"),
        (["experiment", "text", "--data", "digits"], "No such option:? '?--data"),
        (["train", "mlp", "--data", "digits"], "No such command 'train'"),
        (["compare", "mlp"], "Missing option '--data'"),
        (["compare", "mlp", "--data", "digits", "--seeds", "x"], "Invalid value for"),
    ],
)
def test_wrong_usage_has_exit_status_2(arguments, message):
    result = call(*arguments)
    # The first Typer that is allowed puts the option in quotes.
    assert result.exit_code == 2 and re.search(message, result.output)


def test_version_and_help():
    assert call("--version").output == f"keras-recur {keras_recur.__version__}\n"
    text = call("--help").output
    for word in ("--install-completion", "Exit status: 0 success", "supervision"):
        assert word in text or word in call("experiment", "--help").output


@pytest.mark.once("tensorflow")
@pytest.mark.parametrize(
    "arguments, message",
    [
        (["show", "mlp"], "arXiv:2102.11011"),
        (["--verbose", "show", "mlp"], "arXiv:2102.11011"),
    ],
)
def test_module_hides_startup_lines_unless_asked(arguments, message, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    done = subprocess.run(
        [sys.executable, "-m", "keras_recur", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert message in done.stdout
    assert bool(done.stderr) == ("--verbose" in arguments), done.stderr
