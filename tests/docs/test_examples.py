"""The examples of README and guides: their code runs and their commands exist."""

import dataclasses
import functools
import re
import shlex
from pathlib import Path

import keras
import pytest
import typer

import keras_recur
from keras_recur import data, runs, training
from keras_recur.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "docs" / "cli.md", *GUIDES]
COMMANDS = [
    command
    for page in PAGES
    for block in re.findall(r"```bash\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    for command in block.replace("\\\n", " ").splitlines()
    if command.startswith("keras-recur ")
]


def code(page):
    """The Python blocks of a page, which share their names."""
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Data and training of examples made smaller; files go into a new folder."""
    monkeypatch.chdir(tmp_path)
    load, fit, make_entry = data.load, training.fit, runs.make_entry

    def small_load(name, split="train", batch_size=32, **options):
        count = min(options.pop("num_examples", None) or 64, 64)
        return load(name, split, min(batch_size, 32), num_examples=count, **options)

    def short_fit(model, recipe, train, *rest, **options):
        if isinstance(train, data.Curriculum):
            train = data.Curriculum(train.phases, 1)
            epochs = len(train.phases)
        else:
            epochs = 1
        recipe = dataclasses.replace(recipe, epochs=epochs, milestones=(), warmup=0)
        return fit(model, recipe, train, *rest, verbose=0, **options)

    monkeypatch.setattr(data, "load", small_load)
    monkeypatch.setattr(training, "fit", short_fit)
    short = {"epochs": 1, "milestones": ()}
    monkeypatch.setattr(
        runs,
        "make_entry",
        functools.partial(make_entry, num_examples=64, recipe=short),
    )

    def small_search(family, name, folder, **options):
        options |= {"widths": [4], "iterations": [1, 2], "seeds": 1, "fresh_seeds": 1}
        options |= {"num_examples": 64, "recipe": short}
        return search(family, name, folder, **options)

    search = keras_recur.tuning.search
    monkeypatch.setattr(keras_recur.tuning, "search", small_search)


def test_examples_are_found():
    assert len([page for page in PAGES if code(page)]) > 8
    assert len(COMMANDS) > 15


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page.stem,
            marks=pytest.mark.once(
                "tensorflow" if page.stem == "exporting" else "torch"
            ),
        )
        for page in PAGES
        if code(page)
    ],
)
def test_examples_run(page, small):
    if page.stem == "play":
        pytest.importorskip("gradio", reason="the extra `play` is not installed")
    keras.utils.set_random_seed(0)
    names = {}
    for block in code(page):
        exec(compile(block, page.name, "exec"), names)  # noqa: S102
    if page.stem == "early_exit":  # What the guide says of its rule.
        found = names["metrics"]
        assert found.accuracy == found.fixed_accuracy == 1 and found.saved > 0.4


@pytest.mark.once
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_accepted(command):
    words = shlex.split(command, comments=True)[1:]
    parser = typer.main.get_command(app)
    while hasattr(parser, "commands"):  # Descend from groups to the command.
        parser = parser.commands[words.pop(0)]
    parser.make_context(parser.name, words)  # This parses and runs nothing.
