"""Probes read what a state holds, and no more."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis
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
    figure = analysis.plot_separability({"a": call(passing(3), (x, y), (x, y))})
    assert len(figure.axes) == 1
    with pytest.raises(ValueError, match="one result or more"):
        analysis.plot_separability({})
