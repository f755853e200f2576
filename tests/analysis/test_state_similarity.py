"""Similarity of states: identities of CKA, and of networks that are equal."""

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
    found = analysis.StateSimilarity(matrix, ([0, 1], [0, 1]), 10)
    np.testing.assert_allclose(found.centered, [[0.25, -0.25], [-0.25, 0.25]])
    assert found.order_score == pytest.approx(1)
    assert found.best.tolist() == [0, 1] and found.level == 1
    reversed_ = analysis.StateSimilarity(matrix[::-1], ([0, 1], [0, 1]), 10)
    assert reversed_.order_score == pytest.approx(-1)
    assert reversed_.best.tolist() == [1, 0]


@pytest.mark.parametrize("name", PAIRS)
def test_equal_networks_are_similar(name):
    model = small_pair(name).feedforward
    found = analysis.state_similarity(model, model, images_of(model, 12))
    # The loop of feedback begins with zeros for every example.
    first = 1 if name == "feedback" else 0
    np.testing.assert_allclose(np.diag(found.matrix)[first:], 1, atol=1e-6)
    assert np.isnan(found.matrix[:first]).all() and np.isfinite(found.order_score)


@pytest.mark.once
def test_state_similarity_refuses():
    model, x = linear(np.eye(4)), points(12)
    with pytest.raises(ValueError, match="`num_examples` must be"):
        analysis.state_similarity(model, model, x, num_examples=3)
    with pytest.raises(ValueError, match="at least 4 examples.*Received: 3 examples"):
        analysis.state_similarity(model, model, x[:3])
    figure = analysis.plot_state_similarity(
        {"same": analysis.state_similarity(model, model, x)}
    )
    assert len(figure.axes) == 2
    with pytest.raises(ValueError, match="one or more results"):
        analysis.plot_state_similarity({})
