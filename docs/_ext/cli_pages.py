"""Write the tables of all commands' options, from the command line itself."""

from pathlib import Path

import typer
from pages import put

from keras_recur.cli.main import app
from keras_recur.reports.page import markdown_table


def write(path: Path) -> None:
    """Write one section per command, to be included by `docs/cli.md`."""
    group = typer.main.get_command(app)
    put(path, "\n\n".join(_section(*found) for found in _commands(group, "")) + "\n")


def _commands(group, path):
    """Yield the name, as it is typed, and the command of each leaf of a group."""
    for name in sorted(group.commands):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def _section(name, command):
    arguments, rows = [], []
    for found in command.params:
        words = (found.help or "").replace("[required]", "").strip()
        if found.param_type_name == "argument":
            shown = found.name.upper()
            arguments.append(shown if found.required else f"[{shown}]")
            rows.append([f"`{shown}`", words + _default(found)])
        elif "--help" not in found.opts:
            rows.append([f"`{found.opts[0]}`", words + _default(found)])
    usage = " ".join(["keras-recur", name, *arguments, "[OPTIONS]"])
    summary = (command.help or "").split("\n\n")[0].replace("\n", " ")
    table = markdown_table(["option", "what it does"], rows)
    return f"### {name}\n\n{summary}\n\n```text\n{usage}\n```\n\n{table}"


def _default(option):
    if option.required:
        return " Required."
    if option.default is None or isinstance(option.default, bool):
        return ""
    return f" Default: `{option.default}`."
