"""Similarity of states: identities of CKA, and of networks that are equal."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis
from keras_recur.layers import Readout, SharedRecurrentBlock
from tests.analysis.small_pairs import PAIRS, images_of, small_pair


def linear(matrix, iterations=2):
    """Return a model whose state is multiplied by a matrix in each iteration."""
    block = layers.Dense(len(matrix), use_bias=False)
    block.build((None, len(matrix)))
    block.set_weights([np.asarray(matrix, "float32")])
    x = keras.Input((len(matrix),))
    loop = SharedRecurrentBlock(block, iterations)
    return keras.Model(x, Readout(layers.Dense(3))(loop(x)))


def points(count=60, size=4):
    scales = np.arange(1, size + 1)
    return np.random.default_rng(0).normal(size=(count, size)) * scales


def test_rotations_and_scales_change_nothing():
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    found = analysis.state_similarity(
        linear(3 * turned), linear(np.eye(4), 1), points()
    )
    np.testing.assert_allclose(found.matrix, np.ones((3, 2)), atol=1e-6)
    assert found.examples == 60 and found.level == pytest.approx(1)
    general = np.random.default_rng(2).normal(size=(4, 4))
    other = analysis.state_similarity(linear(general), linear(np.eye(4)), points())
    assert (other.matrix[1:, 0] < 0.97).all()


def test_similarity_is_symmetric_and_ignores_the_order_of_examples():
    one, two = linear(np.diag([1.0, 2, 3, 4])), linear(np.triu(np.ones((4, 4))))
    x = points()
    found = analysis.state_similarity(one, two, x)
    turned = analysis.state_similarity(two, one, x)
    np.testing.assert_allclose(turned.matrix, found.matrix.T, atol=1e-6)
    shuffled = analysis.state_similarity(one, two, x[::-1])
    np.testing.assert_allclose(shuffled.matrix, found.matrix, atol=1e-6)


def test_length_and_first_components_can_be_removed():
    x = points()
    x[:, 0] *= 100
    one, two = linear(np.eye(4)), linear(np.diag([1.0, 3, 0.1, 5]))
    usual = analysis.state_similarity(one, two, x)
    assert usual.matrix[0, 1] > 0.99
    without = analysis.state_similarity(one, two, x, drop_components=1)
    assert without.matrix[0, 1] < 0.95
    x[0] *= 1e4
    ruled = analysis.state_similarity(one, two, x)
    scaled = analysis.state_similarity(one, two, x, unit_length=True)
    assert abs(scaled.matrix[0, 1] - ruled.matrix[0, 1]) > 1e-4


def test_centered_order_and_best_by_hand():
    matrix = np.array([[1.0, 0.5], [0.5, 1.0]])
    found = analysis.StateSimilarity(matrix, ([1, 2], [1, 2]), 10)
    np.testing.assert_allclose(found.centered, [[0.25, -0.25], [-0.25, 0.25]])
    assert found.order_score == pytest.approx(1)
    assert found.best.tolist() == [1, 2] and found.level == 1
    reversed_ = analysis.StateSimilarity(matrix[::-1], ([1, 2], [1, 2]), 10)
    assert reversed_.order_score == pytest.approx(-1)
    assert reversed_.best.tolist() == [2, 1]
    # A first state changes nothing.
    wide = np.pad(matrix, ((1, 0), (1, 0)), constant_values=0.1)
    more = analysis.StateSimilarity(wide, ([0, 1, 2], [0, 1, 2]), 10)
    np.testing.assert_array_equal(more.centered[1:, 1:], found.centered)
    assert np.isnan(more.centered[0]).all() and np.isnan(more.centered[:, 0]).all()
    assert more.order_score == found.order_score and more.level == found.level
    assert more.best.tolist() == [-1, 1, 2]


@pytest.mark.parametrize("name", PAIRS)
def test_equal_networks_are_similar(name):
    model = small_pair(name).feedforward
    found = analysis.state_similarity(model, model, images_of(model, 12))
    # The loop of feedback begins with zeros for every example.
    first = 1 if name == "feedback" else 0
    np.testing.assert_allclose(np.diag(found.matrix)[first:], 1, atol=1e-6)
    assert np.isnan(found.matrix[:first]).all() and np.isfinite(found.order_score)


def test_tied_twins_have_a_diagonal_of_ones():
    pair = small_pair("convnet")
    pair.untie()
    x = images_of(pair.recurrent, 12)
    found = analysis.state_similarity(pair.recurrent, pair.feedforward, x)
    np.testing.assert_allclose(np.diag(found.matrix), 1, atol=1e-6)


@pytest.mark.once
def test_states_without_a_value_are_nan():
    x, usual = points(), linear(np.eye(4))
    for matrix in (np.zeros((4, 4)), np.full((4, 4), 1e30)):
        found = analysis.state_similarity(usual, linear(matrix, 3), x)
        expected = np.zeros((3, 4), bool)
        expected[:, 2:] = True
        expected[:, 1] = not matrix.any()
        np.testing.assert_array_equal(np.isnan(found.matrix), expected)
        expected[0] = expected[:, 0] = True
        np.testing.assert_array_equal(np.isnan(found.centered), expected)
    every = analysis.StateSimilarity(np.full((2, 3), np.nan), ([0, 1], [2, 3, 4]), 9)
    assert np.isnan(every.centered).all() and np.isnan(every.order_score)
    assert every.best.tolist() == [-1, -1] and np.isnan(every.level)


@pytest.mark.once
def test_state_similarity_is_json_data():
    matrix = np.array([[np.nan, np.nan], [0.5, 0.9]])
    found = analysis.StateSimilarity(matrix, ([0, 1], [1, 2]), 10)
    text = json.dumps(found.as_dict(), allow_nan=False)
    again = analysis.StateSimilarity.from_dict(json.loads(text))
    np.testing.assert_array_equal(again.matrix, matrix)
    assert again.as_dict() == found.as_dict()
    assert again.iterations == found.iterations


@pytest.mark.once
def test_plot_state_similarity_shows_centered_matrices():
    found = analysis.StateSimilarity(np.eye(2), ([1, 2], [1, 2]), 9)
    for centered, expected in ((False, found.matrix), (True, found.centered)):
        figure = analysis.plot_state_similarity({"same": found}, centered=centered)
        (image,) = figure.axes[0].images
        np.testing.assert_allclose(image.get_array(), expected)
    assert image.get_clim() == (-0.5, 0.5)


@pytest.mark.once
def test_state_similarity_refuses():
    model, x = linear(np.eye(4)), points(12)
    with pytest.raises(ValueError, match="`num_examples` must be"):
        analysis.state_similarity(model, model, x, num_examples=3)
    with pytest.raises(ValueError, match="at least 4 examples.*Received: 3 examples"):
        analysis.state_similarity(model, model, x[:3])
    with pytest.raises(ValueError, match="smaller than the number of features"):
        analysis.state_similarity(model, model, x, drop_components=4)
    with pytest.raises(ValueError, match="no loop among its layers"):
        dense = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
        analysis.state_similarity(model, dense, x)
    figure = analysis.plot_state_similarity(
        {"same": analysis.state_similarity(model, model, x)}
    )
    assert len(figure.axes) == 2
    with pytest.raises(ValueError, match="one or more results"):
        analysis.plot_state_similarity({})
