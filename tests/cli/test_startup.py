"""The start of the command line: help without Keras, all classes in commands."""

import json
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import keras_recur
from keras_recur import data, experiments, exporting, zoo
from keras_recur._help import EXPERIMENT_TITLES
from keras_recur.cli.main import app
from keras_recur.exporting._formats import FORMATS
from keras_recur.layers._depth_samplers import SAMPLERS
from keras_recur.losses.coarse_to_fine_loss import COARSE_TO_FINE
from keras_recur.playground.tasks import TASKS
from keras_recur.tuning.settings import OBJECTIVES, ORACLES

pytestmark = pytest.mark.once
HEAVY = {"keras", "keras_tuner", "tensorflow", "jax", "torch", "matplotlib", "gradio"}
# Starts like the script `keras-recur`.
SCRIPT = """
import sys
sys.argv[0] = "keras-recur"
from keras_recur.cli.main import app
"""
REGISTERED = """
import json, keras
print(json.dumps(sorted(keras.saving.get_custom_objects())))
"""


def every_command(group, path=()):
    """Yield the words of every command and group."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from every_command(command, (*path, name))


COMMANDS = list(every_command(typer.main.get_command(app)))


def started(*command, **environment):
    """Run Python; return its output and the imported packages."""
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment, "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    return done.stdout, {line.split("|")[-1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_imports_no_keras(words):
    text, imported = started("-c", f"{SCRIPT}app()", *words, "--help")
    assert "Usage: " in text and "keras_recur" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["search", "--help"]])
def test_module_shows_help_and_version_without_keras(arguments):
    text, imported = started("-m", "keras_recur", *arguments)
    assert "keras_recur" in text or "keras-recur" in text
    assert not imported & HEAVY


def test_completion_imports_no_keras():
    words = {"COMP_WORDS": "keras-recur experiment r", "COMP_CWORD": "2"}
    asked = {"_KERAS_RECUR_COMPLETE": "complete_bash", **words}
    text, imported = started("-c", f"{SCRIPT}app(prog_name='keras-recur')", **asked)
    assert text.split() == ["replay", "readout-times"]
    assert not imported & HEAVY


def test_commands_register_the_classes_that_the_package_registers():
    command = f"{SCRIPT}app(['list', 'mlp'], standalone_mode=False){REGISTERED}"
    text, imported = started("-c", command)
    expected, _ = started("-c", f"import keras_recur{REGISTERED}")
    found = json.loads(text.splitlines()[-1])
    assert "keras" in imported and "keras_recur>SharedRecurrentBlock" in found
    assert found == json.loads(expected)


def test_package_has_every_public_name_before_its_rooms_are_imported():
    names = "{n: getattr(keras_recur, n).__name__ for n in keras_recur.__all__[1:]}"
    command = "import keras_recur, json; missing = set(keras_recur.__all__)"
    command += " - set(dir(keras_recur)); assert not missing, missing\n"
    command += f"from keras_recur import zoo; print(json.dumps({names}))"
    text, _ = started("-c", SCRIPT + command)
    expected = {n: getattr(keras_recur, n).__name__ for n in keras_recur.__all__[1:]}
    assert json.loads(text) == expected
    with pytest.raises(AttributeError, match="has no attribute 'zooo'"):
        keras_recur.zooo  # noqa: B018
    assert keras_recur.export is exporting.export


@pytest.mark.parametrize(
    "words, choices",
    [
        ("search", [*ORACLES, *OBJECTIVES]),
        ("export", FORMATS),
        ("play", TASKS),
        ("compare", [*COARSE_TO_FINE, *SAMPLERS]),
        ("experiment", EXPERIMENT_TITLES),
    ],
)
def test_help_lists_all_choices(words, choices):
    text = CliRunner().invoke(app, [words, "--help"], terminal_width=200).output
    assert [choice for choice in choices if choice not in text] == []


def test_list_shows_all_families_and_data_sets():
    lines = CliRunner().invoke(app, ["list"]).output.splitlines()
    found = {line.split()[0] for line in lines if line.strip()}
    assert found >= {*zoo.list_families(), *data.list_datasets()}


def test_experiments_are_commands_with_their_titles():
    names = experiments.list_experiments()
    assert names == list(EXPERIMENT_TITLES)
    assert {("experiment", name) for name in names} < set(COMMANDS)
    assert sum(words[:1] == ("experiment",) for words in COMMANDS) == len(names) + 1
