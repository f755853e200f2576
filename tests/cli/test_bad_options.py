"""Every option of the command line refuses values that are wrong for it."""

import inspect
import os

import pytest
from test_bad_values import Hangs, limit
from typer.testing import CliRunner

from keras_recur.cli import main as cli

pytestmark = pytest.mark.once

DIGITS = "--data digits --quick --examples 64 --epochs 1 --width 4".split()
COMMANDS = {
    "train": ["mlp", *DIGITS],
    "compare": ["mlp", *DIGITS],
    "experiment": ["sharing", "--quick"],
    "search": "mlp --data digits --widths 4 --iterations 1 --quick".split(),
    "export": ["deep_thinking_1d-prefix_sums", "--output", "out"],
    "card": ["no run"],
    "show": ["mlp"],
}
# By the type of the option; `None` where another value may be right.
BAD = {"int": ["0", "-1", "2.5", "nan", "x"], "float": ["-1", "nan", "inf", "x"]}
BAD |= {"str": ["", "no such"], "Path": [" "]}
# These may be 0, or any text is right, or data are asked first.
TAKEN = {
    ("seed", "0"),
    ("first_seed", "0"),
    ("fresh_seeds", "0"),
    ("workers", "0"),
    ("progressive", "0"),
    ("examples", "0"),
    ("suffix", "no such"),
    ("templates", ""),
    ("milestones", ""),  # No decay.
}


def options():
    for name, arguments in COMMANDS.items():
        command = next(
            c.callback
            for c in cli.app.registered_commands
            if (c.name or c.callback.__name__) == name
        )
        for parameter in inspect.signature(command).parameters.values():
            kind = str(parameter.annotation)
            for known, values in BAD.items():
                if f"{known}'" in kind or f"{known} |" in kind or f".{known}" in kind:
                    yield name, arguments, parameter.name, values
                    break


def outcome(name, arguments, option, value):
    flag = "--" + {"on": "on"}.get(option, option).replace("_", "-")
    with limit(4):
        found = CliRunner().invoke(cli.app, [name, *arguments, flag, value])
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


@pytest.mark.parametrize("name", COMMANDS)
def test_bad_options_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = []
    for command, arguments, option, values in options():
        if command != name:
            continue
        for value in values:
            if (option, value) in TAKEN or option in ("name", "run", "runs", "pattern"):
                continue
            try:
                wrong.append(outcome(name, arguments, option, value))
            except Hangs:
                wrong.append(f"{option}={value!r} is taken")
            for path in tmp_path.iterdir():
                os.system(f"rm -rf '{path}'")
    wrong = [text for text in wrong if text]
    assert not wrong, f"{name}:\n" + "\n".join(wrong)
