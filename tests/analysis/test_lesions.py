"""Iterations are skipped and exchanged in networks whose answers are known."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis
from keras_recur.layers import (
    Readout,
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
)
from tests.analysis.small_pairs import images_of, small_pair
from tests.analysis.test_settling import dense, plane, points, turn

MATRICES = (turn(50), np.array([[1.0, 3.0], [0.0, 1.0]]), np.diag([2.0, 0.5]))


def three(matrices=MATRICES, sharing="none"):
    """Return a network of three iterations, each of which has its own matrix."""
    x = keras.Input((2,))
    loop = SharedRecurrentBlock(layers.Dense(2, use_bias=False), 3, sharing)
    model = keras.Model(x, Readout(layers.Identity())(loop(x)))
    for variable, matrix in zip(model.trainable_variables, matrices, strict=True):
        variable.assign(matrix.astype("float32"))
    return model


def test_lesions_equal_those_by_hand():
    x, y = points(40)
    a, b, c = MATRICES
    orders = {
        "intact": (a, b, c),
        "lesion": [(b, c), (a, c), (a, b)],
        "swap": [(b, a, c), (a, c, b)],
    }

    def right(order):
        state = x
        for matrix in order:
            state = state @ matrix
        return state.argmax(axis=-1) == y

    found = analysis.lesions(three(), (x, y))
    intact = right(orders["intact"])
    assert found.accuracy == pytest.approx(intact.mean())
    assert found.examples == 40 and found.iterations == [1, 2, 3]
    for name in ("lesion", "swap"):
        changed = np.array([right(order) for order in orders[name]])
        np.testing.assert_allclose(getattr(found, name), changed.mean(axis=1))
        loss = intact.astype(int) - changed
        np.testing.assert_allclose(getattr(found, f"{name}_loss"), loss.mean(axis=1))
        error = loss.std(axis=1) / np.sqrt(40)
        np.testing.assert_allclose(getattr(found, f"{name}_error"), error)
    assert found.lesion_error.all() and found.swap_error.any()


def test_lesion_of_the_identity_changes_nothing():
    matrices = (MATRICES[0], np.eye(2), MATRICES[1])
    found = analysis.lesions(three(matrices), points(40))
    assert found.lesion[1] == found.accuracy and found.lesion_error[1] == 0
    assert found.lesion_loss[[0, 2]].all()
    found = analysis.lesions(plane(np.eye(2)), points())
    assert not found.lesion_loss.any() and not found.swap_loss.any()


@pytest.mark.parametrize("name", ["mlp", "convnet", "resnet", "feedback"])
def test_lesions_of_a_recurrent_network_only_shorten_it(name):
    model = small_pair(name).recurrent
    x = images_of(model, 30)
    answers = keras.ops.convert_to_numpy(model(x)).argmax(axis=-1)
    y = answers[..., -1] if answers.ndim > 1 else answers
    y = np.where(np.arange(30) % 2, y, (y + 1) % 3)
    found = analysis.lesions(model, (x, y))
    curve = analysis.iteration_curve(model, [(x, y)])
    assert found.accuracy == pytest.approx(curve[-1])
    np.testing.assert_array_equal(found.swap, np.full(2, found.accuracy))
    assert not found.swap_error.any()
    np.testing.assert_allclose(found.lesion, np.full(3, curve[-2]))


def test_a_swap_in_one_group_changes_nothing():
    matrices = MATRICES[:2]
    x, y = points(40)
    found = analysis.lesions(three(matrices, [0, 0, 1]), (x, y))
    assert found.swap[0] == found.accuracy and found.swap_error[0] == 0
    assert found.swap_error[1] > 0
    assert found.lesion[0] == found.lesion[1]


def test_a_swap_exchanges_the_statistics_of_iterations():
    own = TimeSpecificBatchNormalization(3, affine=None, epsilon=0.0)
    x = keras.Input((2,))
    loop = SharedRecurrentBlock(keras.Sequential([dense(turn(50)), own]), 3)
    model = keras.Model(x, Readout(layers.Identity())(loop(x)))
    (means,) = (v for v in model.non_trainable_variables if "mean" in v.path)
    means.assign([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    inputs, _ = points(40)
    y = keras.ops.convert_to_numpy(model(inputs)).argmax(axis=-1)
    found = analysis.lesions(model, (inputs, y))

    def answers(order):
        state = inputs
        for t in order:
            state = state @ turn(50) - keras.ops.convert_to_numpy(means)[t]
        return state.argmax(axis=-1)

    expected = [(answers(order) == y).mean() for order in ((1, 0, 2), (0, 2, 1))]
    np.testing.assert_allclose(found.swap, expected)
    assert found.accuracy == 1 and found.swap_loss.all()


@pytest.mark.parametrize("name", ["convnet", "feedback", "resnet_bn"])
def test_lesions_of_tied_twins_are_equal(name):
    pair = small_pair(name)
    pair.untie()
    x, y = images_of(pair.recurrent, 20), np.arange(20) % 3
    one, two = (analysis.lesions(m, (x, y)) for m in (pair.recurrent, pair.feedforward))
    for field in ("lesion", "swap", "lesion_error"):
        np.testing.assert_allclose(getattr(two, field), getattr(one, field))


def test_answers_are_right_in_all_positions():
    x = keras.Input((None, 2))
    loop = SharedRecurrentBlock(dense(-np.eye(2)), 2)
    model = keras.Model(x, Readout(layers.Identity())(loop(x)))
    inputs = np.array([[[1, 0], [0, 1]], [[1, 0], [1, 0]]], "float32")
    found = analysis.lesions(model, (inputs, np.array([[0, 1], [0, 1]])))
    assert found.accuracy == 0.5
    assert found.lesion.tolist() == [0, 0] and found.swap.tolist() == [0.5]


def test_lesions_of_one_iteration_have_no_swap():
    found = analysis.lesions(plane(turn(90)), points(), 1)
    assert found.lesion.shape == (1,) and found.swap.shape == (0,)
    again = analysis.Lesions.from_dict(json.loads(json.dumps(found.as_dict())))
    for name in ("lesion", "swap", "lesion_error", "swap_error"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert again.iterations == [1] and again.accuracy == found.accuracy


@pytest.mark.once
def test_lesions_refuse_other_values():
    model = small_pair("frnn").recurrent
    images = images_of(model, 4)
    with pytest.raises(ValueError, match="swap of iterations.*RecurrentGraph"):
        analysis.lesions(model, (images, np.zeros(4)))
    with pytest.raises(ValueError, match="`iterations` can be at most 3"):
        analysis.lesions(three(), points(), 4)
    with pytest.raises(ValueError, match="`num_examples`"):
        analysis.lesions(three(), points(), num_examples=0)


def made(lesion, swap, count=100):
    lesion, swap = np.array(lesion), np.array(swap)
    numbers = list(range(1, len(lesion) + 1))
    return analysis.Lesions(
        numbers, lesion, lesion * 0 + 0.1, swap, swap * 0 + 0.2, 0.9, count
    )


@pytest.mark.once
def test_plot_lesions_draws_seeds_and_errors(tmp_path):
    one, two = made([0.5, 0.7], [0.4]), made([0.3, 0.7], [0.2])
    figure = analysis.plot_lesions(
        {"recurrent": [one, two], "untrained": one}, tmp_path / "lesions.png"
    )
    lesion, swap = figure.axes
    first, second = lesion.containers
    np.testing.assert_allclose(first[0].get_ydata(), [40, 70])
    np.testing.assert_allclose(second[0].get_ydata(), [50, 70])
    lows = [segment[:, 1] for segment in first[2][0].get_segments()]
    np.testing.assert_allclose(lows, [[30, 50], [70, 70]], atol=1e-9)
    ends = [segment[:, 1] for segment in second[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[40, 60], [60, 80]])
    np.testing.assert_allclose(swap.containers[0][0].get_ydata(), [30])
    assert [t.get_text() for t in swap.get_xticklabels()] == ["1, 2"]
    assert second[0].get_color() == "0.5" != first[0].get_color()
    assert (tmp_path / "lesions.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.once
@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "one result or more"),
        ([made([1.0], [])], "a dictionary of results"),
        ({"a": []}, "a Lesions or a list"),
        ({"a": [3]}, "a dictionary of Lesions"),
        ({3: made([1.0], [])}, "named by strings"),
        ({"a": [made([1.0], []), made([1.0, 1.0], [1.0])]}, "same iterations"),
    ],
)
def test_plot_lesions_refuses_other_values(found, message):
    with pytest.raises(ValueError, match=f"`found`.*{message}"):
        analysis.plot_lesions(found)
