"""A run that takes seconds, made once per test process."""

import dataclasses
import shutil

import pytest


def tiny_entry():
    from keras_recur.runs import make_entry
    from keras_recur.training import Recipe

    tiny = Recipe("adam", 1e-2, epochs=2, batch_size=20)
    made = make_entry(
        "deep_thinking_1d",
        "prefix_sums",
        quick=True,
        size=4,
        num_examples=40,
        model={"width": 4, "iterations": 2},
    )
    recipes = {"recurrent": dataclasses.replace(tiny, progressive=1.0)}
    return dataclasses.replace(
        made,
        recipes={**recipes, "feedforward": tiny},
        test_examples=20,
        test_sizes=(4, 8),
    )


@pytest.fixture
def entry():
    return tiny_entry()


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    from keras_recur.runs import compare

    folder = tmp_path_factory.mktemp("finished") / "run"
    compare(tiny_entry(), folder, [0, 1])
    return folder


@pytest.fixture
def run(finished_once, tmp_path):
    """A finished run of two seeds, to look at or to damage."""
    from keras_recur.runs import RunFolder

    shutil.copytree(finished_once, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def one_twin(run):
    """The same with one seed of the feed-forward twin alone."""
    shutil.rmtree(run.path / "seed-1")
    shutil.rmtree(run.path / "seed-0/recurrent")
    asked = run.read_json("run.json") | {"seeds": [0], "twins": ["feedforward"]}
    run.write_json("run.json", asked)
    return run
