"""The command line, as a person types it."""

import pytest
from typer.testing import CliRunner

from keras_recur import cli, experiments, runs

pytestmark = pytest.mark.once  # What is behind it, tests/runs has on every backend.
TINY = "--quick --width 4 --iterations 2 --size 4 --examples 100 --epochs 1".split()


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def test_list_and_show():
    text = call("list").output
    assert "deep_thinking_2d" in text and "prefix_sums" in text and "cifar10" in text
    assert "mlp" not in call("list", "deep_*").output
    text = call("show", "mlp").output
    assert (
        "arXiv:2102.11011" in text and "656,810" in text and "effective depth" in text
    )


def test_train_then_resume(tmp_path):
    command = ["train", "deep_thinking_1d", "--on", "prefix_sums", *TINY]
    command += ["--out", tmp_path / "run", "--seed", "3"]
    result = call(*command)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run/report.html").exists()
    assert "seed 3, recurrent" in result.output
    again = call(*command)
    assert again.exit_code == 1 and "--resume" in str(again.exception)
    assert call(*command, "--resume").exit_code == 0


def test_compare_shows_tables_and_the_report(tmp_path):
    command = ["compare", "deep_thinking_1d", "--on", "prefix_sums", *TINY]
    result = call(*command, "--seeds", 1, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    for text in (
        "recurrent",
        "feed-forward twin",
        "size 8",
        "parameters",
        "report.html",
    ):
        assert text in result.output


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "compare", interrupted)
    command = ["compare", "deep_thinking_1d", "--on", "prefix_sums", *TINY]
    result = call(*command, "--out", tmp_path / "run")
    assert result.exit_code == 130 and "--resume" in result.output


def test_experiment_is_made_from_its_options(tmp_path, monkeypatch):
    asked = []

    def run(experiment, folder, seeds, *, resume, report):
        asked.append((experiment, str(folder), seeds, resume))
        report("seed 4, shared: done")
        return {"runs": [{"status": "diverged" if resume else "finished"}]}

    monkeypatch.setattr(experiments, "run_experiment", run)
    command = ["experiment", "readout-times", "--seeds", 2, "--first-seed", 4]
    result = call(*command, "--quick", "--on", "mnist", "--width", 6, "--epochs", 9)
    assert result.exit_code == 0, result.output
    assert "seed 4, shared: done" in result.output
    quick = experiments.ReadoutTimes.quick(data="mnist", width=6, epochs=9)
    assert asked[0] == (quick, "runs/readout-times-mnist-quick", [4, 5], False)
    failed = call("experiment", "text", "--out", tmp_path, "--resume")
    assert asked[1] == (experiments.Text(), str(tmp_path), [0, 1, 2], True)
    assert failed.exit_code == 1


def test_compare_can_vary_supervision(tmp_path, monkeypatch):
    asked = []

    def run(experiment, folder, seeds, *, resume, report):
        asked.append(
            (experiment.networks, experiment.entry.model["width"], str(folder))
        )
        return {"runs": []}

    monkeypatch.setattr(experiments, "run_experiment", run)
    command = ["compare", "mlp", "--on", "digits", "--quick", "--width", 7]
    result = call(*command, "--supervision", "final,geometric")
    assert result.exit_code == 0, result.output
    networks = ("recurrent-final", "recurrent-geometric")
    networks += ("feedforward-final", "feedforward-geometric")
    assert asked == [(networks, 7, "runs/supervision-mlp-digits-quick")]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["show", "resnett"], "Did you mean 'resnet"),
        (["compare", "mlp", "--on", "cifar11"], "Did you mean 'cifar10"),
        (["compare", "mlp", "--on", "mazes"], "do not fit"),
        (["compare", "mlp", "--on", "cifar10", "--seeds", "0"], "`seeds`"),
        (["train", "mlp", "--on", "cifar10", "--twin", "both"], "recurrent"),
        (
            ["train", "deep_thinking_2d", "--on", "mazes", "--quick", "--size", "10"],
            "odd",
        ),
        (["train", "mlp", "--on", "cifar10", "--milestones", "ten"], "--milestones"),
        (
            ["train", "mlp", "--on", "cifar10", "--quick", "--data-dir", "/nowhere"],
            "mazes, prefix_sums",
        ),
        (["card", "/nowhere"], "no run of this program"),
        (
            ["compare", "mlp", "--on", "digits", "--supervision", "final"],
            "two or more different losses",
        ),
        (["experiment", "shared"], "Did you mean 'sharing'"),
        (["experiment", "text", "--on", "digits"], "'text' has no --on"),
        (["experiment", "sharing", "--on", "mazes"], "digits"),
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
