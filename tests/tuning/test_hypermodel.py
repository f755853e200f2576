"""The space of a search: its networks, its budget and its errors."""

import keras
import keras_tuner
import numpy as np
import pytest

from keras_recur import data, training, tuning, zoo
from keras_recur.training import Recipe
from keras_recur.tuning import Budget, Configuration, WidthIterationsHyperModel
from keras_recur.tuning.sharing_choice import sharing_arguments

SMALL = {"input_shape": (4, 4, 1), "num_classes": 3}
EVERY = ("all", "none", "groups of 2", "bank of 2")


def space(family="mlp", widths=(4, 8), iterations=(1, 2, 4), **arguments):
    model = dict(SMALL) if family == "mlp" else {}
    return WidthIterationsHyperModel(family, widths, iterations, **model, **arguments)


@pytest.mark.parametrize("sharing", EVERY)
@pytest.mark.parametrize("family", ["mlp", "resnet_bn", "frnn"])
@pytest.mark.once
def test_costs_equal_those_of_the_network(family, sharing):
    if (family, sharing) == ("frnn", "bank of 2"):
        pytest.skip("A state graph takes no template bank.")
    shape = {"input_shape": (8, 8, 1), "num_classes": 3}
    made = WidthIterationsHyperModel(family, [4], [1, 2, 5], [sharing], **shape)
    for configuration in made.configurations():
        network = made.network(configuration, 0)
        assert made.costs(configuration) == zoo.costs(network), configuration


@pytest.mark.once
def test_budget_limits_the_space():
    every = list(space().configurations())
    assert len(every) == 2 * 3 * 2
    counted = {c: space().costs(c) for c in every}
    least = sorted(costs.macs for costs in counted.values())
    limit = least[len(least) // 2]
    at_most = list(space(budget=Budget(macs=limit)).configurations())
    assert set(at_most) == {c for c in every if counted[c].macs <= limit} != set(every)
    few = Budget(parameters=sorted(c.parameters for c in counted.values())[3])
    found = set(space(budget=few).configurations())
    assert found == {c for c in every if counted[c].parameters <= few.parameters}
    about = Budget(macs=limit, tolerance=0.2)
    found = set(space(budget=about).configurations())
    right = {c for c in every if 0.8 * limit <= counted[c].macs <= 1.2 * limit}
    assert found == right and found < set(at_most) | found


@pytest.mark.once
def test_equal_macs_keeps_the_largest_width():
    budget = Budget(macs=3_000)
    made = space(widths=(1, 500), iterations=(1, 2, 4, 8), budget=budget, equal="macs")
    found = list(made.configurations())
    by_iterations = {c.iterations: c.width for c in found if c.sharing == "all"}
    assert list(by_iterations) == [1, 2, 4, 8]
    widths = list(by_iterations.values())
    assert widths == sorted(widths, reverse=True) and widths[0] > widths[-1]
    for configuration in found:
        wider = configuration._replace(width=configuration.width + 1)
        assert made.costs(configuration).macs <= 3_000 < made.costs(wider).macs


@pytest.mark.once
@pytest.mark.parametrize(
    ("tuner", "budget"),
    [
        ("RandomSearch", None),
        ("BayesianOptimization", Budget(macs=150)),
        ("GridSearch", Budget(macs=150)),
    ],
)
def test_space_works_with_keras_tuner(tuner, budget, tmp_path):
    made = space(iterations=(1, 2), budget=budget)
    allowed = set(made.configurations())
    asked = getattr(keras_tuner, tuner)(
        made,
        objective=keras_tuner.Objective("loss", "min"),
        max_trials=3,
        seed=1,
        directory=tmp_path,
        project_name="own",
    )
    x, y = np.zeros((8, 4, 4, 1), "float32"), np.zeros((8,), "int32")
    asked.search(x, y, epochs=1, verbose=0)
    trials = asked.oracle.get_best_trials(3)
    found = {made.configuration(t.hyperparameters.values) for t in trials}
    assert found <= allowed and len(found) > 1
    best = asked.get_best_models(1)[0]
    assert isinstance(best, keras.Model) and best.output_shape == (None, 3)


@pytest.mark.once
def test_values_and_configuration_are_inverse():
    for made in (space(), space(budget=Budget(macs=150))):
        for configuration in made.configurations():
            values = made.values(configuration, 0.01)
            assert made.configuration(values) == configuration
            hp = keras_tuner.HyperParameters()
            made.declare(hp)
            hp.values = dict(values)
            network = made.build(hp)
            assert float(network.optimizer.learning_rate) == pytest.approx(0.01)
            assert (
                network.count_params() == made.network(configuration, 0).count_params()
            )


@pytest.mark.once
def test_sharing_arguments():
    assert sharing_arguments("groups of 2", 5) == {"sharing": [0, 0, 1, 1, 2]}
    assert sharing_arguments("bank of 3", 5) == {"templates": 3}
    assert sharing_arguments("all", 5) == sharing_arguments("none", 5) == {}
    assert str(Configuration(16, 4, "groups of 2")) == "w16-t4-groupsof2"


@pytest.mark.once
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: space("mlpp"), "Unknown family.*Did you mean 'mlp'"),
        (lambda: space(widths=()), "`widths` must contain at least one value"),
        (lambda: space(widths=(-8,)), "`widths` must be.*Received: widths=-8"),
        (lambda: space(iterations=(0,)), "`iterations` must be.*iterations=0"),
        (lambda: space(sharing=["al"]), "groups of g.*Received: 'al'"),
        (lambda: space(sharing=["groups of 0"]), "Received: 'groups of 0'"),
        (lambda: space(learning_rate=(1e-2, 1e-3)), "low, high.*Received"),
        (lambda: space(learning_rate=-1), "above 0.*learning_rate=-1"),
        (
            lambda: space(equal="macs"),
            r"budget=Budget\(macs=...\). Received: budget=None",
        ),
        (lambda: space(equal="depth", budget=Budget(1)), "`equal`.*'depth'"),
        (
            lambda: space(budget=Budget(macs=10)),
            "No network meets.*at most 10 macs. Nearest: width 4, 1 iter.*with 92 macs",
        ),
        (
            lambda: space(budget=Budget(macs=10**9, tolerance=0.1)),
            "about 1,000,000,000 macs. Nearest: width 8, 4 iterations",
        ),
        (lambda: Budget(), "at least one limit.*Received: none"),
        (lambda: Budget(macs=-1), "`macs` must be a finite number above 0.*macs=-1"),
        (lambda: Budget(macs=1, tolerance=2), "`tolerance` is a share.*tolerance=2"),
    ],
)
def test_space_and_budget_refuse_invalid_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_tuning_is_imported_lazily():
    assert tuning.search is not None


RECIPES = {
    "schedule": ({"milestones": (1,), "warmup": 3, "throttle": True}, {}),
    "uniform": ({"loss_weights": "uniform"}, {}),
    "annealed": ({"anneal_from": "uniform", "anneal_epochs": 2}, {}),
    "coarse to fine": ({"loss_weights": "uniform", "hierarchy": (0, 0)}, {}),
    "progressive": ({"progressive": 0.5}, {"injection": "concat"}),
}


@pytest.mark.parametrize("kind", RECIPES)
def test_space_trains_by_a_recipe_as_fit_does(kind):
    fields, options = RECIPES[kind]
    recipe = Recipe("adam", 0.01, epochs=3, batch_size=16, **fields)
    space = WidthIterationsHyperModel(
        "deep_thinking_1d", [4], [3], ["all"], 0.01, recipe=recipe, **options
    )
    examples = data.load("prefix_sums", batch_size=16, size=6, num_examples=32)
    expected = training.fit(
        space.network(Configuration(4, 3, "all"), 0), recipe, examples, verbose=0
    )
    hp = keras_tuner.HyperParameters()
    model = space.build(hp)
    kept = keras.callbacks.History()
    callbacks = [examples.epoch_callback(), kept]
    fitted = space.fit(
        hp, model, examples, epochs=3, shuffle=False, callbacks=callbacks, verbose=0
    )
    assert fitted.history["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert kept.model is model and len(model.evaluate(examples, verbose=0)) == 2
