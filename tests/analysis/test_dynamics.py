"""Steps and growth rates of loops that are known: matrices, and equal twins."""

import numpy as np
import pytest

from keras_recur import analysis
from tests.analysis.small_pairs import images_of, small_pair
from tests.analysis.test_settling import plane, points, turn

SCALED_TURN = turn(40, 0.9)


@pytest.mark.parametrize(
    ("matrix", "radius"),
    [
        (np.diag([0.5, 0.2]), 0.5),
        (SCALED_TURN, 0.9),
        (np.array([[0.5, 3.0], [0.0, 0.8]]), 0.8),
        (np.eye(2), 1.0),
    ],
    ids=["diagonal", "turn", "shear", "identity"],
)
def test_growth_tends_to_the_spectral_radius(matrix, radius):
    found = analysis.dynamics(plane(matrix), points(), 60)
    np.testing.assert_allclose(found.growth[-5:], radius, rtol=1e-3)
    assert found.examples == 6


def test_disturbances_that_vanish_have_no_growth():
    found = analysis.dynamics(plane(np.zeros((2, 2))), points(), 2)
    np.testing.assert_array_equal(found.growth, 0)
    assert found.exponent == -np.inf


def test_exponent_is_the_mean_logarithm():
    found = analysis.dynamics(plane(2 * np.eye(2)), points(), 5)
    np.testing.assert_allclose(found.growth, 2, rtol=1e-6)
    assert found.exponent == pytest.approx(np.log(2), rel=1e-6)


@pytest.mark.parametrize(("factor", "sign"), [(0.8, 1), (-0.8, -1)])
def test_steps_of_a_linear_map(factor, sign):
    found = analysis.dynamics(plane(factor * np.eye(2)), points(), 6)
    np.testing.assert_allclose(found.cosine, sign, atol=1e-6)
    # |s - s / factor| / |s|
    expected = np.full((3, 6), abs(1 - 1 / factor))
    np.testing.assert_allclose(found.change, expected, rtol=1e-5)


def test_dynamics_of_equal_twins_are_equal():
    pair = small_pair("convnet")
    pair.untie()
    x = images_of(pair.recurrent, 6)
    one, two = (
        analysis.dynamics(m, (x, x)) for m in (pair.recurrent, pair.feedforward)
    )
    for name in ("change", "cosine", "growth"):
        expected = getattr(one, name)
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(getattr(two, name), expected, rtol=1e-3)
    again = analysis.Dynamics.from_dict(one.as_dict())
    np.testing.assert_array_equal(again.growth, one.growth)


@pytest.mark.parametrize("name", ["mlp", "resnet_bn", "feedback", "swrn"])
def test_dynamics_change_no_weight(name):
    model = small_pair(name).recurrent
    before = [np.array(w) for w in model.get_weights()]
    found = analysis.dynamics(model, images_of(model, 4))
    assert np.isfinite(found.exponent)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_states_that_explode_are_left_out():
    x, y = points()
    x[0] = 1e30
    found = analysis.dynamics(plane(1e6 * np.eye(2)), (x, y), 2)
    assert np.isfinite(found.change).all()


def test_dynamics_refuse_state_graphs():
    model = small_pair("frnn").recurrent
    with pytest.raises(ValueError, match="SharedRecurrentBlock.*RecurrentGraph"):
        analysis.dynamics(model, images_of(model, 2))
