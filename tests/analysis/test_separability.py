"""Probes read what a state holds, and no more."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis
from keras_recur.analysis._probe import reduced
from keras_recur.layers import Readout, SharedRecurrentBlock
from tests.analysis.small_pairs import PAIRS, images_of, small_pair


def passing(size, iterations=2):
    """Return a model whose state is its input, for ever."""
    x = keras.Input((size,))
    loop = SharedRecurrentBlock(layers.Identity(), iterations)
    return keras.Model(x, Readout(layers.Dense(3))(loop(x)))


def labeled(count, seed=0):
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(count) % 3)
    return random, y


def one_hot(count, seed=0):
    _, y = labeled(count, seed)
    return np.eye(3, dtype="float32")[y], y


def noise(count, seed=0, size=4):
    random, y = labeled(count, seed)
    return random.normal(size=(count, size)).astype("float32"), y


def test_probes_read_the_labels():
    found = analysis.separability(passing(3), one_hot(90), one_hot(60, 1))
    np.testing.assert_array_equal(found.accuracy, 1)
    assert found.iterations == [0, 1, 2]
    assert found.examples == (81, 9, 60)
    assert found.features == 3
    assert np.isnan(found.head[0]) and np.isfinite(found.head[1:]).all()


def test_probes_find_nothing_in_noise():
    found = analysis.separability(passing(4), noise(600), noise(600, 1))
    error = np.sqrt(1 / 3 * 2 / 3 / 600)
    assert (abs(found.accuracy - 1 / 3) < 4 * error).all()


def test_constant_states_give_the_largest_class():
    y = np.array([0] * 40 + [1] * 20)
    x = np.ones((60, 4), "float32")
    found = analysis.separability(passing(4), (x, y), (x, y), regularization=1.0)
    np.testing.assert_allclose(found.accuracy, 2 / 3)


def test_probes_ignore_scale_order_and_names_of_classes():
    (x, y), (tx, ty) = noise(300), noise(200, 1)
    x[:, 0] += y
    tx[:, 0] += ty
    usual = analysis.separability(passing(4), (x, y), (tx, ty), pixels=True)
    assert usual.accuracy[0] > 0.45
    assert usual.pixels == usual.accuracy[0]
    scale = np.array([2.0, -3, 0.5, 10], "float32")
    order = [3, 1, 0, 2]
    names = np.array([2, 0, 1])
    for a, b in [
        ((x * scale + 1, y), (tx * scale + 1, ty)),
        ((x[:, order], y), (tx[:, order], ty)),
        ((x, names[y]), (tx, names[ty])),
        ((x, y), (np.tile(tx, (2, 1)), np.tile(ty, 2))),
    ]:
        found = analysis.separability(passing(4), a, b)
        np.testing.assert_allclose(found.accuracy, usual.accuracy, atol=6e-3)


def test_validation_examples_are_drawn_from_sorted_data():
    x, y = one_hot(90)
    order = np.argsort(y)
    found = analysis.separability(passing(3), (x[order], y[order]), one_hot(60, 1))
    np.testing.assert_array_equal(found.accuracy, 1)
    again = analysis.separability(passing(3), (x[order], y[order]), one_hot(60, 1))
    assert again.as_dict()["train_accuracy"] == found.as_dict()["train_accuracy"]
    assert again.regularization == found.regularization and all(found.converged)


def test_regularization_is_chosen_on_validation_examples():
    (x, y), test = noise(60, 0, 40), noise(90, 1, 40)
    x[:, 0] += y
    test[0][:, 0] += test[1]
    found = {
        strength: analysis.separability(
            passing(40, 1), (x, y), test, validation=test, regularization=strength
        ).accuracy[0]
        for strength in (1e-3, 1e-2, 1e-1, 1.0, 10.0)
    }
    # Validation data that are the test data must give the best of their accuracies.
    chosen = analysis.separability(passing(40, 1), (x, y), test, validation=test)
    assert chosen.accuracy[0] == max(found.values()) > min(found.values())
    assert found[chosen.regularization[0]] == chosen.accuracy[0]
    assert chosen.examples == (60, 90, 90)


def test_optimizer_and_statistics_are_unchanged():
    model = small_pair("resnet_bn").recurrent
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = images_of(model, 12), np.arange(12) % 3
    model.fit(x, y, verbose=0)
    everything = [*model.variables, *model.optimizer.variables]
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in everything]
    analysis.separability(model, (x, y), (x, y), regularization=0.1)
    analysis.state_similarity(model, model, x)
    for variable, old in zip(everything, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), old)


def test_state_graphs_have_probes_from_the_first_readout_state_on():
    model = small_pair("frnn").recurrent
    x, y = images_of(model, 12), np.arange(12) % 3
    found = analysis.separability(model, (x, y), (x, y), regularization=0.1)
    curve = analysis.iteration_curve(model, (x, y))
    assert 0 not in found.iterations
    np.testing.assert_allclose(found.head, curve[np.array(found.iterations) - 1])


def remembering(*shape, places=1):
    """Return a model whose state is its input, with an answer for each position."""
    x = keras.Input(shape)
    loop = SharedRecurrentBlock(layers.Identity(), 2)
    head = layers.Dense(3)
    if places > 1:
        head = layers.Conv2DTranspose(3, places, places)
    return keras.Model(x, Readout(head)(loop(x)))


def test_probes_read_the_labels_of_positions():
    random = np.random.default_rng(0)
    y = random.integers(3, size=(40, 5))
    x = np.eye(3, dtype="float32")[y]
    model = remembering(5, 3)
    found = analysis.separability(model, (x, y), (x, y), reduce="positions")
    np.testing.assert_array_equal(found.accuracy, 1)
    assert found.features == 3 and found.examples == (180, 20, 200)
    answers = np.argmax(model.predict(x, verbose=0), -1)
    np.testing.assert_allclose(found.head[1:], (answers == y).mean())
    unscored = np.where(np.arange(5) < 2, y, -1)
    wrong = np.where(np.arange(5)[:, None] < 2, x, 0)
    found = analysis.separability(
        model, (wrong, unscored[..., None]), (wrong, unscored), reduce="positions"
    )
    np.testing.assert_array_equal(found.accuracy, 1)
    assert found.examples == (72, 8, 80)
    np.testing.assert_allclose(found.head[1:], (answers == y)[:, :2].mean())
    shuffled = analysis.separability(
        model, (x, y), (x, y), reduce="positions", control="shuffled"
    )
    assert (shuffled.accuracy < 0.6).all()


def test_a_position_has_a_probe_for_each_label_that_it_covers():
    random = np.random.default_rng(0)
    y = random.integers(2, size=(60, 4, 6))
    blocks = y.reshape(60, 2, 2, 3, 2).transpose(0, 1, 3, 2, 4).reshape(60, 2, 3, 4)
    # The third of the four labels is not in the state.
    x = np.delete(blocks, 2, -1).astype("float32")
    found = analysis.separability(
        remembering(2, 3, 3, places=2), (x, y), (x, y), reduce="positions"
    )
    third = blocks[..., 2].mean()
    np.testing.assert_allclose(
        found.accuracy, (3 + max(third, 1 - third)) / 4, atol=0.03
    )
    assert found.features == 3 and found.examples[2] == 60 * 24


@pytest.mark.once
def test_probes_of_positions_refuse():
    x, y = np.ones((8, 5, 3), "float32"), np.ones((8, 5), int)
    model = remembering(5, 3)

    def call(y, **options):
        analysis.separability(model, (x, y), (x, y), reduce="positions", **options)

    with pytest.raises(ValueError, match="`train` must have examples of two classes"):
        call(y)
    with pytest.raises(ValueError, match=r"each position of a state.*\(5,\) positions"):
        call(y[:, 0])
    with pytest.raises(ValueError, match="the same number for all"):
        call(y[:, :3])
    for option in ({"pixels": True}, {"control": "clusters"}):
        with pytest.raises(ValueError, match="no probe of pixels and no clusters"):
            call(y, **option)


@pytest.mark.once
def test_grid_and_mean_features_by_hand():
    state = np.arange(2 * 5 * 4 * 3, dtype="float64").reshape(2, 5, 4, 3)
    np.testing.assert_allclose(reduced(state, "mean", 4), state.mean(axis=(1, 2)))
    fields = reduced(state, "grid", 2).reshape(2, 2, 2, 3)
    # Five rows are divided into three and two.
    np.testing.assert_allclose(fields[:, 0, 1], state[:, :3, 2:].mean(axis=(1, 2)))
    np.testing.assert_allclose(fields[:, 1, 0], state[:, 3:, :2].mean(axis=(1, 2)))
    assert reduced(state, "all", 4).shape == (2, 60)
    assert reduced(state[:, :, 0], "mean", 4).shape == (2, 3)
    assert reduced(state[:, 0, 0], "mean", 4).shape == (2, 3)


@pytest.mark.once
def test_separability_is_json_data():
    x, y = one_hot(30)
    found = analysis.separability(passing(3), (x, y), (x, y), regularization=1.0)
    text = json.dumps(found.as_dict(), allow_nan=False)
    again = analysis.Separability.from_dict(json.loads(text))
    assert again.as_dict() == found.as_dict()
    assert np.isnan(again.head[0]) and again.examples == found.examples


@pytest.mark.parametrize("control", ["shuffled", "clusters"])
def test_control_tasks_have_other_labels(control):
    options = {"control": control, "seed": 1}
    (x, y), test = one_hot(300), one_hot(300, 1)
    x += 0.1 * noise(300, 2, 3)[0]
    found = analysis.separability(passing(3), (x, y), test, **options)
    assert found.accuracy.max() < 0.9
    again = analysis.separability(passing(3), (x, y), test, **options)
    np.testing.assert_array_equal(again.accuracy, found.accuracy)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("reduce", ["mean", "grid", "all"])
def test_probes_of_every_family(name, reduce):
    model = small_pair(name).feedforward
    x = images_of(model, 40)
    y = np.arange(40) % 3
    before = [np.array(w) for w in model.get_weights()]
    found = analysis.separability(
        model, (x, y), (x, y), reduce=reduce, grid=2, regularization=0.01
    )
    assert found.accuracy.shape == (len(found.iterations),)
    assert np.isfinite(found.accuracy).all()
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_equal_twins_have_equal_probes():
    pair = small_pair("convnet")
    pair.untie()
    x = images_of(pair.recurrent, 60)
    y = np.arange(60) % 3
    one, two = (
        analysis.separability(m, (x, y), (x, y), regularization=0.1)
        for m in (pair.recurrent, pair.feedforward)
    )
    np.testing.assert_allclose(one.accuracy, two.accuracy)


@pytest.mark.once
def test_separability_refuses():
    x, y = one_hot(30)
    call = analysis.separability
    with pytest.raises(ValueError, match="`train` must have examples of two classes"):
        call(passing(3), (x, np.zeros(30, int)), (x, y))
    with pytest.raises(ValueError, match="two examples or more of every class"):
        call(passing(3), (x, np.array([2] + [0, 1] * 14 + [0])), (x, y))
    with pytest.raises(
        ValueError, match="`regularization` must be a finite number above 0"
    ):
        call(passing(3), (x, y), (x, y), regularization=0)
    with pytest.raises(ValueError, match="`train` must have one class per example"):
        call(passing(3), (x, np.stack([y, y], 1)), (x, y))
    model = small_pair("resnet_bn").recurrent
    images = images_of(model, 30)
    with pytest.raises(ValueError, match="at least 30 positions per side"):
        call(model, (images, y), (images, y), reduce="grid", grid=30)
    with pytest.raises(ValueError, match="every class of `test`.*none of class 2"):
        call(passing(3), (x, y % 2), (x, y))
    with pytest.raises(ValueError, match="every class of `validation`"):
        call(passing(3), (x, y % 2), (x, y % 2), validation=(x, y))
    with pytest.raises(ValueError, match="Received: 0 examples"):
        call(passing(3), (x[:1], y[:1]), (x, y))
    with pytest.raises(ValueError, match="finite states.*after 0 iterations"):
        call(passing(3), (np.where(x, np.inf, x), y), (x, y))
    with pytest.raises(ValueError, match="`iterations` can be at most 3"):
        call(small_pair("mlp").feedforward, (images, y), (images, y), iterations=9)
    with pytest.raises(ValueError, match="no loop among its layers"):
        call(keras.Sequential([keras.Input((3,)), layers.Dense(3)]), (x, y), (x, y))
    with pytest.raises(ValueError, match="`train` must have examples of the shape"):
        call(model, (images[:, :9], y), (images, y))


@pytest.mark.once
def test_few_distinct_inputs_are_few_clusters():
    x, y = np.eye(3, dtype="float32")[np.arange(30) % 3], np.arange(30) % 3
    found = analysis.separability(passing(3), (x, y), (x, y), control="clusters")
    np.testing.assert_array_equal(found.accuracy, 1)


@pytest.mark.once
def test_plot_separability_marks_untrained_networks_and_pixels():
    x, y = one_hot(30)
    found = analysis.separability(
        passing(3), (x, y), (x, y), regularization=1.0, pixels=True
    )
    figure = analysis.plot_separability(
        {"recurrent": [found, found], "untrained": found}
    )
    probe, head, untrained, pixels = figure.axes[0].lines
    assert untrained.get_linestyle() == "--" and head.get_linestyle() == ":"
    assert untrained.get_color() == pixels.get_color() != probe.get_color()
    np.testing.assert_allclose(probe.get_ydata(), 100 * found.accuracy)
    np.testing.assert_allclose(pixels.get_ydata(), 100 * found.pixels)
    with pytest.raises(ValueError, match="one result or more"):
        analysis.plot_separability({})
