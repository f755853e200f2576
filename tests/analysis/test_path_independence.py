"""Loops whose final states from two starts are known."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recur import analysis, data, zoo
from keras_recur.layers import Readout, SharedRecurrentBlock


def plane(function, **arguments):
    """Return a model of a block of state and input, each of two numbers."""
    x = keras.Input((2,))
    both = keras.Input((4,))
    block = keras.Model(both, layers.Lambda(function, output_shape=(2,))(both))
    arguments = {"injection": "concat", **arguments}
    state = layers.Rescaling(1.0)(x)
    state = SharedRecurrentBlock(block, 4, **arguments)(state, injected=x)
    return keras.Model(x, Readout(layers.Identity())(state))


def points(count):
    x = np.random.default_rng(0).normal(size=(count, 2)).astype("float32")
    return x, np.zeros(count, int)


@pytest.mark.parametrize("start", ["swap", "noise"])
def test_path_independence_of_a_contraction_is_one(start):
    model = plane(lambda z: 0.5 * z[:, :2] + z[:, 2:])
    found = analysis.path_independence(model, points(5), 60, start)
    np.testing.assert_allclose(found.cosines, np.ones(5), atol=1e-6)
    assert found.mean == pytest.approx(1) and found.diverged == 0
    forgets = plane(lambda z: z[:, 2:])
    assert analysis.path_independence(forgets, points(5), 1).mean == pytest.approx(1)


def test_path_independence_of_the_identity_is_that_of_two_inputs():
    x, y = points(2)
    found = analysis.path_independence(plane(lambda z: z[:, :2]), (x, y), 7)
    cosine = x[0] @ x[1] / np.prod(np.linalg.norm(x, axis=1))
    np.testing.assert_allclose(found.cosines, [cosine, cosine], atol=1e-6)
    assert found.iterations == 7


def test_path_independence_leaves_out_diverged_and_single_examples():
    x = np.array([[1, 1], [1e30, 1], [2, 3]], "float32")
    # The input decides whether the state grows.
    model = plane(lambda z: z[:, 2:] + z[:, :2] * ops.cast(z[:, 2:] > 1e20, "float32"))
    squares = plane(lambda z: ops.square(z[:, 2:]) * ops.ones_like(z[:, :2]))
    assert analysis.path_independence(model, (x, np.zeros(3)), 3).diverged == 0
    found = analysis.path_independence(squares, [(x[:2], [0, 0]), (x[2:], [0])], 3)
    assert np.isnan(found.cosines).tolist() == [False, True]
    assert found.mean == pytest.approx(1) and found.diverged == 0.5
    with pytest.raises(ValueError, match="two or more examples"):
        analysis.path_independence(model, [(x[:1], [0])], 3)


def test_path_independence_depends_on_the_seed_alone():
    test = data.load("prefix_sums", "test", 10, size=8, num_examples=20)
    pair = zoo.build(
        "deep_thinking_1d", width=4, iterations=2, seed=0, injection="concat"
    )
    for start in ("swap", "noise"):
        first, again, other = (
            analysis.path_independence(pair.recurrent, test, start=start, seed=seed)
            for seed in (0, 0, 3)
        )
        np.testing.assert_allclose(first.cosines, again.cosines, atol=1e-6)
        assert abs(first.cosines - other.cosines).max() > 1e-3
        assert first.cosines.max() <= 1 + 1e-6 and first.iterations == 2


@pytest.mark.once
def test_path_independence_rejects_models_without_recall():
    x = keras.Input((2,))
    state = SharedRecurrentBlock(layers.Dense(2), 3)(x)
    blind = keras.Model(x, Readout(layers.Identity())(state))
    with pytest.raises(ValueError, match="receives its input again"):
        analysis.path_independence(blind, points(4))
    pair = zoo.build("deep_thinking_1d", width=4, iterations=3, injection="concat")
    with pytest.raises(ValueError, match="3 iterations. Use the recurrent"):
        analysis.path_independence(pair.feedforward, points(4))
    with pytest.raises(ValueError, match="`start`"):
        analysis.path_independence(pair.recurrent, points(4), start="zero")
