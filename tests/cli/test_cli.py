"""The command line, as a person types it."""

import re

import pytest
from typer.testing import CliRunner

from keras_recur import data, experiments, runs
from keras_recur.cli import main as cli

# What is behind it, tests/runs has on every backend.
pytestmark = pytest.mark.once("jax")
TINY = "--quick --width 4 --iterations 2 --size 4 --examples 100 --epochs 1".split()


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


SEARCH = [
    *("search mlp --data digits --widths 4,8 --iterations 1,2 --sharing all").split(),
    *("--quick --examples 64 --epochs 1 --seeds 1 --fresh-seeds 1").split(),
]


def test_search(tmp_path):
    result = call(*SEARCH, "--output", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "4 runs of 4 configurations: 4 finished" in result.output
    assert (tmp_path / "run/report.html").exists()
    result = call(*SEARCH, "--output", tmp_path / "run", "--macs", 500)
    assert result.exit_code == 1 and "another search" in str(result.exception)


def test_search_by_optuna(tmp_path):
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
def test_search_refuses(options, message, tmp_path):
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


def test_train_then_resume(tmp_path):
    command = "train mlp --data digits --quick --width 4 --examples 100".split()
    command += ["--epochs", 1, "--output", tmp_path / "run", "--seed", "3"]
    result = call(*command)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run/report.html").exists()
    assert "seed 3, recurrent" in result.output
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


def test_ctrl_c_says_how_to_resume(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "compare", interrupted)
    command = ["compare", "deep_thinking_1d", "--data", "prefix_sums", *TINY]
    result = call(*command, "--output", tmp_path / "run")
    assert result.exit_code == 130 and "--resume" in result.output


def test_experiment_is_made_from_its_options(tmp_path, monkeypatch):
    asked = []

    def run(experiment, folder, seeds, *, resume, report):
        asked.append((experiment, str(folder), seeds, resume))
        report("seed 4, shared: done")
        return {"runs": [{"status": "diverged" if resume else "finished"}]}

    monkeypatch.setattr(experiments, "run_experiment", run)
    command = ["experiment", "readout-times", "--seeds", 2, "--first-seed", 4]
    result = call(*command, "--quick", "--data", "mnist", "--width", 6, "--epochs", 9)
    assert result.exit_code == 0, result.output
    assert "seed 4, shared: done" in result.output
    quick = experiments.ReadoutTimesExperiment.quick(data="mnist", width=6, epochs=9)
    assert asked[0] == (quick, "runs/readout-times-mnist-quick", [4, 5], False)
    failed = call("experiment", "text", "--output", tmp_path, "--resume")
    assert asked[1] == (experiments.TextExperiment(), str(tmp_path), [0, 1, 2], True)
    assert failed.exit_code == 1


def test_compare_can_vary_supervision(tmp_path, monkeypatch):
    asked = []

    def run(experiment, folder, seeds, *, resume, report):
        asked.append(
            (experiment.networks, experiment.entry.model["width"], str(folder))
        )
        return {"runs": []}

    monkeypatch.setattr(experiments, "run_experiment", run)
    command = ["compare", "mlp", "--data", "digits", "--quick", "--width", 7]
    result = call(*command, "--supervision", "final,geometric")
    assert result.exit_code == 0, result.output
    networks = ("recurrent-final", "recurrent-geometric")
    networks += ("feedforward-final", "feedforward-geometric")
    assert asked == [(networks, 7, "runs/supervision-mlp-digits-quick")]


@pytest.fixture
def asked(monkeypatch):
    """The entry of the last command, which is not run."""
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


def test_which_readouts_are_trained(asked):
    strings = ["deep_thinking_1d", "--data", "prefix_sums", *TINY]
    usual, _ = asked("compare", *strings)
    assert usual.progressive == 1.0 and not usual.every_readout
    for command in ("compare", "train"):
        for recipe in asked(command, *strings, "--loss-weights", "0.25,1"):
            assert recipe.loss_weights == (0.25, 1.0)
            assert recipe.progressive == 0.0 and recipe.every_readout
    options = ["--loss-weights", "geometric", "--gamma", 1.5]
    for recipe in asked("compare", *strings, *options):
        assert (recipe.loss_weights, recipe.gamma) == ("geometric", 1.5)
    options = ["--anneal-from", "uniform", "--anneal-epochs", 3]
    for recipe in asked("train", *strings, *options):
        assert (recipe.anneal_from, recipe.loss_weights) == ("uniform", "final")
        assert recipe.anneal_epochs == 3 and recipe.progressive == 0.0
    # The last one alone is what the progressive loss trains.
    recipe, _ = asked("compare", *strings, "--loss-weights", "final")
    assert recipe == usual


def test_coarse_to_fine_by_one_command(asked):
    images = ["resnet_bn", "--data", "cifar100", "--quick"]
    for recipe in asked("compare", *images, "--coarse-to-fine", "power"):
        assert recipe.hierarchy == data.superclasses("cifar100")
        assert (recipe.coarse_to_fine, recipe.loss_weights) == ("power", "uniform")
        assert recipe.source.startswith("as on cifar10: ")
    digits = ["mlp", "--data", "digits", "--quick"]
    given = ["--hierarchy", "0,0,0,0,0,1,1,1,1,1", "--loss-weights", "geometric"]
    for recipe in asked("train", *digits, *given):
        assert recipe.hierarchy == (0,) * 5 + (1,) * 5
        assert (recipe.coarse_to_fine, recipe.loss_weights) == (None, "geometric")
    given[-1] = "final"
    annealed = [*given, "--anneal-from", "uniform", "--anneal-epochs", 2]
    recipe, _ = asked("train", *digits, *annealed)
    assert recipe.hierarchy and recipe.anneal_from == "uniform"


_DIGITS = ["compare", "mlp", "--data", "digits", "--quick", "--iterations", "3"]


@pytest.mark.parametrize(
    "options, message",
    [
        ("--loss-weights unifrom", "as 0.1,0.2,0.7. Received: 'unifrom'. Did you mean"),
        ("--loss-weights 0.5,1", "each of the 3 readouts. Received: 2 of them"),
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
            "digits has no superclasses of its own. Give --hierarchy",
        ),
        ("--hierarchy 0,1", "each of the 10 classes. Received: 2"),
        ("--hierarchy 0,one", "integers with commas between"),
        (
            "--hierarchy 0,0,0,0,0,1,1,1,1,1 --coarse-to-fine liner",
            "Did you mean 'linear'",
        ),
        (
            "--hierarchy 0,0,0,0,0,1,1,1,1,1 --loss-weights final",
            "Did you mean --loss-weights uniform?",
        ),
        ("--progressive 1 --loss-weights uniform", "needs loss_weights='final'"),
        (
            "--supervision final,uniform --loss-weights uniform",
            "takes no other. Received: --supervision with --loss-weights",
        ),
    ],
)
def test_losses_that_do_not_go_together(options, message, asked):
    result = call(*_DIGITS, *options.split())
    assert isinstance(result.exception, ValueError)
    assert message in str(result.exception)


def test_losses_need_iterations(asked):
    command = ["train", "swrn", "--data", "cifar100", "--loss-weights", "uniform"]
    error = str(call(*command).exception)
    assert "no `iterations`" in error and "Received: --loss-weights." in error


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["show", "resnett"], "Did you mean 'resnet"),
        (["compare", "mlp", "--data", "cifar11"], "Did you mean 'cifar10"),
        (["compare", "mlp", "--data", "mazes"], "do not fit"),
        (["compare", "mlp", "--data", "cifar10", "--seeds", "0"], "`seeds`"),
        (["train", "mlp", "--data", "cifar10", "--twin", "both"], "recurrent"),
        (
            ["train", "deep_thinking_2d", "--data", "mazes", "--quick", "--size", "10"],
            "odd",
        ),
        (["train", "mlp", "--data", "cifar10", "--milestones", "ten"], "--milestones"),
        (
            ["train", "mlp", "--data", "cifar10", "--quick", "--data-dir", "/nowhere"],
            "mazes, prefix_sums",
        ),
        (["card", "/nowhere"], "not a run folder"),
        (
            ["compare", "mlp", "--data", "digits", "--supervision", "final"],
            "two or more different losses",
        ),
        (["experiment", "shared"], "Did you mean 'sharing'"),
        (["experiment", "text", "--data", "digits"], "'text' has no --data"),
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


def main_says(arguments, monkeypatch, capsys):
    """What the command writes to standard error, and its exit status."""
    monkeypatch.setattr("sys.argv", ["keras-recur", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return capsys.readouterr().err, stopped.value.code


@pytest.mark.parametrize("name", ["runs[v2]", "x[/red]", "[bold]", ":smile:"])
def test_paths_keep_their_brackets(name, monkeypatch, capsys, tmp_path):
    error, code = main_says(["card", tmp_path / name], monkeypatch, capsys)
    assert code == 1 and f"{name} holds no run.json" in error


def test_messages_keep_their_brackets(monkeypatch, capsys):
    def refuse(*_, **__):
        raise ValueError("install [optuna] [/]")

    monkeypatch.setattr(runs, "make_entry", refuse)
    command = ["train", "mlp", "--data", "digits"]
    error, code = main_says(command, monkeypatch, capsys)
    assert (error, code) == ("Error: install [optuna] [/]\n", 1)


class ResourceExhaustedError(Exception):
    """As TensorFlow's, which is no RuntimeError."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ResourceExhaustedError("OOM when allocating tensor\nwith shape"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_out_of_memory_is_one_sentence(error, monkeypatch, capsys):
    def fill(*_, **__):
        raise error

    monkeypatch.setattr(runs, "make_entry", fill)
    command = ["train", "mlp", "--data", "digits"]
    said, code = main_says(command, monkeypatch, capsys)
    assert said.startswith("Error: There is not enough memory.") and code == 1
    assert "Traceback" not in said and said.count("\n") == 1


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    command = (
        "train mlp --data digits --quick --width 4 --examples 64 --epochs 1".split()
    )
    assert call(*command, "--output", "~/run").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert (tmp_path / "home/run/report.html").exists()
