"""Every option of the command line refuses invalid values."""

import inspect
import os

import pytest
from test_bad_values import Hangs, limit
from typer.testing import CliRunner

from keras_recur.cli import experiment
from keras_recur.cli import main as cli

pytestmark = pytest.mark.once

DIGITS = "--data digits --quick --examples 64 --epochs 1 --width 4".split()
COMMANDS = {
    "compare": ["mlp", *DIGITS],
    "experiment sharing": ["--quick"],
    "experiment readout-times": ["--quick"],
    "experiment text": ["--quick"],
    "experiment replay": "deep_thinking_1d --data prefix_sums --quick".split(),
    "experiment features": ["mlp", *DIGITS],
    "experiment supervision": ["mlp", *DIGITS],
    "search": "mlp --data digits --widths 4 --iterations 1 --quick".split(),
    "export": ["deep_thinking_1d-prefix_sums", "--output", "out"],
    "card": ["no run"],
    "play": ["deep_thinking_1d-prefix_sums"],
    "show": ["mlp"],
}
# Bad values by the type of the option.
BAD = {"int": ["0", "-1", "2.5", "nan", "x"], "float": ["-1", "nan", "inf", "x"]}
BAD |= {"str": ["", "no such"], "Path": [" "]}
# Values that these options accept, or that are checked after the data.
TAKEN = {
    ("seed", "0"),
    ("first_seed", "0"),
    ("fresh_seeds", "0"),
    ("workers", "0"),
    ("jobs", "0"),
    ("progressive", "0"),
    ("examples", "0"),
    ("suffix", "no such"),
    ("templates", ""),
    ("milestones", ""),  # The learning rate does not decay.
}


def commands():
    """Yield the name and the function of every command."""
    for prefix, app in (("", cli.app), ("experiment ", experiment.app)):
        for command in app.registered_commands:
            yield prefix + (command.name or command.callback.__name__), command.callback


def options(name):
    """Yield the options of a command, with bad values."""
    for parameter in inspect.signature(dict(commands())[name]).parameters.values():
        kind = str(parameter.annotation)
        for known, values in BAD.items():
            if f"{known}'" in kind or f"{known} |" in kind or f".{known}" in kind:
                yield parameter.name, values
                break


def outcome(name, arguments, option, value):
    """Return what is wrong with the outcome of a bad value, or `None`."""
    flag = "--" + option.replace("_", "-")
    with limit(4):
        found = CliRunner().invoke(cli.app, [*name.split(), *arguments, flag, value])
    said = f"{found.output} {found.exception}"
    if found.exit_code not in (1, 2):
        return f"{flag} {value!r} is taken"
    if found.exit_code == 1 and not isinstance(
        found.exception, (ValueError, OSError, ImportError, RuntimeError)
    ):
        return f"{flag} {value!r} ends in {found.exception!r}"[:200]
    if flag[2:] not in said and option not in said and option.split("_")[0] not in said:
        return f"{flag} {value!r} is not named: {said[:150]!r}"
    left = os.listdir()
    return f"{flag} {value!r} leaves {left}" if left else None


def test_every_command_with_options_is_tested():
    assert {name for name, _ in commands()} - {"list"} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_refuses_bad_options(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = []
    for option, values in options(name):
        for value in values:
            if (option, value) in TAKEN or option in ("name", "run", "runs", "pattern"):
                continue
            try:
                wrong.append(outcome(name, COMMANDS[name], option, value))
            except Hangs:
                wrong.append(f"{option}={value!r} is taken")
            for path in tmp_path.iterdir():
                os.system(f"rm -rf '{path}'")
    wrong = [text for text in wrong if text]
    assert not wrong, f"{name}:\n" + "\n".join(wrong)
