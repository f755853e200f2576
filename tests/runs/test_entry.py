"""Entries: defaults, pairs that fit, and JSON."""

import json

import numpy as np
import pytest

from keras_recur import data, zoo
from keras_recur.layers import Depth
from keras_recur.recipes import paper_recipe
from keras_recur.runs import Entry, make_entry
from keras_recur.runs.scoring import chosen_iterations
from keras_recur.training import Recipe

pytestmark = pytest.mark.once


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(
    "family, name",
    [
        ("deep_thinking_1d", "prefix_sums"),
        ("deep_thinking_2d", "mazes"),
        ("mlp", "cifar10"),
        ("convnet", "svhn"),
        ("resnet", "emnist_balanced"),
        ("resnet_bn", "cifar10"),
        ("frnn", "cifar10"),
        ("frnn", "digits"),
        ("multistate_resnet", "digits"),
        ("mlp", "digits"),
        ("resnet", "digits"),
    ],
)
def test_entry_round_trips_through_json(family, name, quick):
    entry = make_entry(family, name, quick=quick)
    assert Entry.from_dict(json.loads(json.dumps(entry.as_dict()))) == entry
    assert entry.model["num_classes"] == data.describe(name).num_classes
    assert entry.recipes["feedforward"].progressive == 0
    assert entry.test_iterations >= 2 * entry.model["iterations"]


def test_make_entry_prefers_given_settings():
    entry = make_entry(
        "deep_thinking_1d",
        "prefix_sums",
        quick=True,
        size=20,
        model={"width": 6},
        recipe={"epochs": 3, "progressive": 0.5, "progressive_depth": Depth(3)},
    )
    assert entry.model["width"] == 6 and entry.test_sizes == (20, 40, 60, 80)
    assert entry.recipes["recurrent"].progressive == 0.5
    assert entry.recipes["recurrent"].progressive_depth == Depth(3)
    assert entry.recipes["feedforward"].progressive == 0
    assert entry.recipes["feedforward"].epochs == 3
    assert Entry.from_dict(json.loads(json.dumps(entry.as_dict()))) == entry


@pytest.mark.parametrize("quick", [False, True])
def test_entry_scores_digits_on_held_out_examples(quick):
    entry = make_entry("frnn", "digits", quick=quick)
    assert entry.recipes["recurrent"] == entry.recipes["feedforward"]
    assert entry.train_data("recurrent", 0).num_examples == 1_097
    validation = entry.phase_validation_data("recurrent")
    assert (validation.details["split"], validation.num_examples) == ("validation", 200)
    assert entry.test_data(None).num_examples == 500
    assert entry.model["input_shape"] == [8, 8, 1] and not entry.procedural


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("deep_thinking_3d", "mazes"), "Did you mean 'deep_thinking_"),
        (("mlp", "cifar"), "Did you mean 'cifar10"),
        (("deep_thinking_1d", "mazes"), "do not fit"),
        (("mlp", "mnist"), "No paper's recipe is known for mlp on mnist"),
    ],
)
def test_make_entry_refuses_pairs_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_entry(*arguments)


def test_make_entry_refuses_another_number_of_classes():
    with pytest.raises(ValueError, match="cifar10 has 10 classes.*num_classes=7"):
        make_entry("mlp", "cifar10", model={"num_classes": 7})


def test_entry_pair_builds_both_twins():
    entry = make_entry("mlp", "emnist_balanced", quick=True, model={"width": 8})
    pair = entry.pair(seed=4)
    assert isinstance(pair, zoo.Pair)
    assert pair.recurrent.output_shape == (None, 47)


@pytest.mark.parametrize(
    "arguments, field, expected",
    [
        ({"family": "mlp", "data": "svhn"}, "milestones", (50, 125)),
        ({"family": "convnet", "data": "cifar10"}, "learning_rate", 0.01),
        (
            {"family": "convnet", "data": "cifar10", "twin": "feedforward"},
            "learning_rate",
            0.05,
        ),
        (
            {"family": "convnet", "data": "svhn", "iterations": 5},
            "learning_rate",
            0.03,
        ),
        (
            {"family": "resnet", "data": "cifar10", "iterations": 4},
            "learning_rate",
            0.01,
        ),
        ({"family": "resnet", "data": "svhn", "iterations": 3}, "learning_rate", 0.1),
        (
            {
                "family": "resnet_bn",
                "data": "svhn",
                "iterations": 4,
                "twin": "feedforward",
            },
            "milestones",
            (80, 140),
        ),
        (
            {"family": "deep_thinking_2d", "data": "mazes", "iterations": 6},
            "learning_rate",
            0.002,
        ),
        (
            {
                "family": "deep_thinking_2d",
                "data": "mazes",
                "iterations": 10,
                "size": 13,
            },
            "learning_rate",
            0.006,
        ),
        (
            {
                "family": "deep_thinking_1d",
                "data": "prefix_sums",
                "injection": "concat",
            },
            "progressive",
            1.0,
        ),
    ],
)
def test_paper_recipe_has_the_papers_hyperparameters(arguments, field, expected):
    recipe = paper_recipe(**arguments)
    assert isinstance(recipe, Recipe) and recipe.source
    assert getattr(recipe, field) == expected


def test_paper_recipe_throttles_recurrent_maze_networks():
    maze = {"family": "deep_thinking_2d", "data": "mazes", "iterations": 6}
    assert paper_recipe(**maze).throttle
    assert not paper_recipe(**maze, twin="feedforward").throttle


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"loss_weights": "uniform"}, ("uniform", None, 0.66, 0.0)),
        ({"progressive": 1.0}, ("final", None, 0.0, 1.0)),
        ({"progressive_depth": "uniform"}, ("final", None, 0.0, 1.0)),
        ({"replay": 0.3}, ("window", 4, 0.3, 0.0)),
        ({"window": 2}, ("window", 2, 0.66, 0.0)),
    ],
)
def test_defaults_give_way_to_fields_that_they_contradict(fields, expected):
    entry = make_entry("deep_thinking_1d", "prefix_sums", quick=True, recipe=fields)
    recipe = entry.recipe("recurrent")
    found = recipe.loss_weights, recipe.window, recipe.replay, recipe.progressive
    assert found == expected
    assert entry.recipe("feedforward").replay == 0


def test_middle_of_equally_good_numbers_is_chosen():
    nan = float("nan")
    assert chosen_iterations(np.array([0.5, nan, 0.9, 0.9, 0.9, 0.2])) == 4
    assert chosen_iterations(np.array([0.1, 0.2])) == 2
