"""Schedules and hyperparameters as in the papers' code."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_recur import zoo
from keras_recur.layers import Depth, SharedRecurrentBlock
from keras_recur.optimizers import CoupledAdam, CoupledSGD
from keras_recur.recipes import paper_recipe
from keras_recur.training import Recipe

pytestmark = pytest.mark.once


def recipe(**changes):
    return Recipe(**{"optimizer": "sgd", "learning_rate": 1.0} | BASE | changes)


BASE = {"epochs": 20, "batch_size": 8}


def test_recipe_warms_up_exponentially():
    rates = [recipe(warmup=5).learning_rate_at(epoch) for epoch in range(6)]
    assert [round(r, 3) for r in rates] == [0.181, 0.330, 0.451, 0.551, 1.0, 1.0]
    assert [recipe().learning_rate_at(e) for e in (0, 19)] == [1.0, 1.0]


def test_recipe_decays_at_milestones():
    rate = recipe(milestones=[3, 6], decay=0.5, learning_rate=0.8).learning_rate_at
    assert [rate(e) for e in (0, 2, 3, 5, 6, 19)] == [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]


def test_recipe_is_frozen_data():
    one = recipe(milestones=[1, 2])
    assert one == recipe(milestones=(1, 2)) != recipe(milestones=(1, 3))
    assert Recipe(**dataclasses.asdict(one)) == one
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.epochs = 3


@pytest.mark.parametrize("depth", ["paper", "uniform", Depth(8, 0.25, 4)])
def test_recipe_keeps_the_depth_of_the_progressive_loss_in_json(depth):
    one = recipe(progressive=0.5, progressive_depth=depth)
    again = Recipe(**json.loads(json.dumps(dataclasses.asdict(one))))
    assert again == one and again.progressive_depth == depth


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adma"}, "Did you mean 'adam'"),
        ({"epochs": 0}, "`epochs` must be a positive integer"),
        ({"batch_size": 2.5}, "`batch_size` must be a positive integer"),
        ({"learning_rate": 0}, "`learning_rate` must be a finite number above 0"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a finite"),
        ({"progressive": 1.5}, "`progressive`.*at least 0 and at most 1.*1.5"),
        ({"progressive": 0.5, "loss_weights": "uniform"}, "needs loss_weights='final'"),
        ({"progressive_depth": "uniform"}, "needs a progressive loss.*progressive=0"),
        (
            {"progressive": 1, "progressive_depth": {"mean": 8, "width": 2}},
            "must have a `mean`.*'width'",
        ),
        ({"progressive": 1, "progressive_depth": {"mean": 0}}, "`mean` must be"),
        ({"loss_weights": "last"}, "`loss_weights`.*'final'"),
        (
            {"loss_weights": "geometric", "gamma": -1},
            "`gamma` must be a finite number above 0",
        ),
    ],
)
def test_recipe_rejects_bad_values(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


def test_recipe_makes_optimizers():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    sgd = recipe(momentum=0.8, nesterov=True, weight_decay=0.1, clip_norm=2.0, warmup=5)
    made = sgd.make_optimizer(model)
    assert isinstance(made, CoupledSGD)
    assert (made.momentum, made.nesterov, made.global_clipnorm) == (0.8, True, 2.0)
    assert made.coupled_weight_decay == 0.1 and made.weight_decay is None
    assert float(made.learning_rate) == pytest.approx(0.1813, abs=1e-4)
    assert isinstance(recipe(optimizer="adam").make_optimizer(model), CoupledAdam)


def test_throttle_divides_rate_by_sharing_iterations():
    pair = zoo.build("mlp", input_shape=(2, 2, 1), width=3, iterations=4, seed=0)
    grouped = zoo.build(
        "mlp", input_shape=(2, 2, 1), width=3, iterations=4, sharing=[0, 0, 0, 1]
    )

    def factors(model, **changes):
        made = recipe(throttle=True, **changes).make_optimizer(model)
        return made.multipliers

    # Kernel and bias of the first layer, the loop's groups, and the head.
    first, last = [1.0, 1.0], [1.0, 1.0]
    assert factors(pair.recurrent) == [*first, 1 / 4, 1 / 4, *last]
    assert factors(pair.feedforward) == [1.0] * 12
    assert factors(grouped.recurrent) == [*first, 1 / 3, 1 / 3, 1.0, 1.0, *last]
    assert not recipe().make_optimizer(pair.recurrent).multipliers


@pytest.mark.parametrize(
    ("family", "data", "options", "expected"),
    [
        ("mlp", "svhn", {}, {"learning_rate": 0.01, "milestones": (50, 125)}),
        ("convnet", "svhn", {"iterations": 3}, {"learning_rate": 0.04}),
        ("convnet", "svhn", {"iterations": 5}, {"learning_rate": 0.03}),
        ("convnet", "svhn", {"twin": "feedforward"}, {"learning_rate": 0.05}),
        ("convnet", "cifar10", {}, {"learning_rate": 0.01, "epochs": 200}),
        ("resnet", "cifar10", {"iterations": 3}, {"learning_rate": 0.1}),
        ("resnet", "cifar10", {"iterations": 4}, {"learning_rate": 0.01}),
        (
            "resnet_bn",
            "svhn",
            {"iterations": 4, "twin": "feedforward"},
            {"milestones": (80, 140), "epochs": 160},
        ),
        (
            "deep_thinking_2d",
            "mazes",
            {"iterations": 6, "size": 9},
            {"learning_rate": 0.002, "decay": 0.25, "throttle": True, "batch_size": 50},
        ),
        (
            "deep_thinking_2d",
            "mazes",
            {"iterations": 10, "size": 13},
            {"learning_rate": 0.006, "decay": 0.25},
        ),
        (
            "deep_thinking_2d",
            "mazes",
            {"iterations": 30, "injection": "concat"},
            {"optimizer": "adam", "progressive": 0.01, "throttle": True, "epochs": 50},
        ),
        (
            "deep_thinking_2d",
            "mazes",
            {"iterations": 30, "injection": "concat", "twin": "feedforward"},
            {"progressive": 0.0, "throttle": False},
        ),
        (
            "deep_thinking_1d",
            "prefix_sums",
            {"injection": "concat"},
            {"progressive": 1.0, "clip_norm": 1.0, "warmup": 10, "epochs": 150},
        ),
        (
            "deep_thinking_1d",
            "prefix_sums",
            {},
            {"milestones": (100, 200, 300), "decay": 0.5, "batch_size": 150},
        ),
    ],
)
def test_paper_recipe_has_hyperparameters_of_papers(family, data, options, expected):
    found = paper_recipe(family, data, **options)
    assert {key: getattr(found, key) for key in expected} == expected
    assert found.weight_decay == 2e-4 and found.source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mlp", "cifar100"), "mlp on cifar100.*Did you mean 'mlp on cifar10'"),
        (("mpl", "svhn"), "Did you mean 'mlp on svhn'"),
    ],
)
def test_paper_recipe_rejects_unknown_entries(arguments, message):
    with pytest.raises(ValueError, match=message):
        paper_recipe(*arguments)


def test_paper_recipe_rejects_bad_twin_and_iterations():
    with pytest.raises(ValueError, match="`twin`.*Did you mean 'recurrent'"):
        paper_recipe("mlp", "svhn", twin="recurent")
    with pytest.raises(ValueError, match="`iterations` must be a positive integer"):
        paper_recipe("mlp", "svhn", iterations=0)


BAD = {
    "optimizer": ["rmsprop", None, 1],
    "learning_rate": [0, -1, "a", None, True, float("inf")],
    "epochs": [0, -1, 1.5, "3", None, True],
    "batch_size": [0, 2.5, "8", None, True],
    "momentum": [-1, 1.5, float("nan"), "a", True, None],
    "nesterov": ["no", 1, None],
    "weight_decay": [-1, float("nan"), float("inf"), "a", None],
    "clip_norm": [-1, 0, float("nan"), "a", True],
    "milestones": [["a"], [-1], [1.5], "30,40", None, 3, {1}, [True]],
    "decay": [-1, float("nan"), "a", None],
    "warmup": [-1, 1.5, "a", float("nan"), None],
    "throttle": ["yes", 1, None],
    "loss_weights": [[0.0, 0.0], [-1.0], [], "last", None, {"a": 1}, [True], 3],
    "gamma": [float("inf"), 0, "a", None],
    "anneal_from": [[-1.0], "last", 3],
    "anneal_epochs": [0, 1.5, "a", True],
    "hierarchy": ["ab", [0, 2], [0.5], None, 3, {0, 1}],
    "coarse_to_fine": ["steep", 3],
    "progressive": [-1, 2, "a", None, True],
    "window": [0, -1, 1.5, "a", True, 2],
    "replay": [-1, 2, "a", None, True],
    "replay_same": [-1, 2, "a", None, True, 0.3],
    "replay_from": [-1, 1.5, "a", None, 10],
    "replay_limit": [0, -1, 1.5, "a", True, 4],
    "progressive_depth": ["papers", True, 8, None, {"spread": 1}, "uniform", Depth(8)],
    "augment": ["no", None, 1],
    "cutout": [-1, 1.5, "a", None],
    "source": [None, 3],
}


@pytest.mark.parametrize("field", BAD)
def test_recipe_checks_each_field(field):
    assert BAD.keys() == {f.name for f in dataclasses.fields(Recipe)}
    for value in BAD[field]:
        with pytest.raises(ValueError, match=field):
            recipe(**{field: value})


def test_recipe_converts_numpy_numbers_and_sequences():
    found = recipe(
        learning_rate=np.float64(0.5),
        epochs=np.int64(3),
        batch_size=np.int32(8),
        milestones=np.array([1, 2]),
        loss_weights=np.array([0.0, 1.0]),
        anneal_from=[1, 0],
        anneal_epochs=np.int8(2),
        hierarchy=[np.int64(0), 0, 1],
        throttle=np.bool_(True),
        momentum=0,
    )
    expected = recipe(
        learning_rate=0.5,
        epochs=3,
        batch_size=8,
        milestones=(1, 2),
        loss_weights=(0.0, 1.0),
        anneal_from=(1.0, 0.0),
        anneal_epochs=2,
        hierarchy=(0, 0, 1),
        throttle=True,
        momentum=0.0,
    )
    assert found == expected
    assert json.loads(json.dumps(dataclasses.asdict(found)))["epochs"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hierarchy": [0, 0, 1]}, "Did you mean loss_weights='uniform'"),
        ({"gamma": 2.0}, "`gamma`.*needs loss_weights='geometric'"),
        ({"gamma": 2.0, "loss_weights": "uniform"}, "needs loss_weights='geometric'"),
        ({"coarse_to_fine": "linear"}, "needs a `hierarchy`"),
    ],
)
def test_recipe_rejects_fields_without_effect(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


NESTED = {"outermost": 0, "within a model": 1, "within two": 2}


@pytest.mark.parametrize("depth", NESTED.values(), ids=NESTED)
def test_throttle_finds_loops_at_any_depth(depth):
    model = zoo.build("mlp", input_shape=(2, 2, 1), width=3, iterations=4).recurrent
    expected = recipe(throttle=True).make_optimizer(model).multipliers
    for _ in range(depth):
        inputs = keras.Input((2, 2, 1))
        model = keras.Model(inputs, model(keras.layers.Rescaling(2.0)(inputs)))
    assert recipe(throttle=True).make_optimizer(model).multipliers == expected
    assert expected == [1.0, 1.0, 0.25, 0.25, 1.0, 1.0]


def test_throttle_multiplies_nested_loops():
    inner = SharedRecurrentBlock(keras.layers.Dense(3, use_bias=False), 2)
    block = keras.Sequential([keras.layers.Dense(3, use_bias=False), inner])
    model = keras.Sequential([keras.Input((3,)), SharedRecurrentBlock(block, 5)])
    assert recipe(throttle=True).make_optimizer(model).multipliers == [1 / 5, 1 / 10]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": 3}, "`family`"),
        ({"data": None}, "`data`"),
        ({"twin": "both"}, "`twin`"),
        ({"iterations": 2.5}, "`iterations`"),
        ({"injection": "recall"}, "`injection`"),
        ({"size": 0}, "`size`"),
        ({"size": "large"}, "`size`"),
    ],
)
def test_paper_recipe_checks_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        paper_recipe(**{"family": "deep_thinking_2d", "data": "mazes", **arguments})
