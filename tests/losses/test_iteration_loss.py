"""IterationLoss against the same sum in NumPy."""

import keras
import numpy as np
import pytest

from keras_recur.losses import IterationLoss

T = 4
RNG = np.random.default_rng(0)
WEIGHTS = {
    "final": (IterationLoss(), [0, 0, 0, 1]),
    "uniform": (IterationLoss("uniform"), [0.25] * 4),
    "geometric": (IterationLoss("geometric", gamma=2.0), np.array([1, 2, 4, 8]) / 15),
    "given": (IterationLoss([0.5, 0, 0, 2]), [0.5, 0, 0, 2]),
}
SHAPES = {"class": (5,), "string": (5, 7), "maze": (2, 3, 3)}


def examples(shape, ignore):
    logits = 3 * RNG.normal(size=(shape[0], T, *shape[1:], 3)).astype("float32")
    y = RNG.integers(0, 3, shape)
    if ignore:
        y[RNG.uniform(size=shape) < 0.4] = -1
        y.flat[0] = 1
    return y, logits


def cross_entropy(y, logits):
    """Return the mean over the scored positions."""
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    scored = y >= 0
    picked = np.take_along_axis(log_p, np.where(scored, y, 0)[..., None], -1)[..., 0]
    return -picked[scored].mean()


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_iteration_loss_matches_numpy(weights, shape, ignore):
    loss, expected = WEIGHTS[weights]
    y, logits = examples(SHAPES[shape], ignore)
    np.testing.assert_allclose(loss.weights_for(T), expected)
    total = sum(w * cross_entropy(y, logits[:, t]) for t, w in enumerate(expected))
    assert float(loss(y, logits)) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_iteration_loss_accepts_single_readout(shape, ignore):
    y, logits = examples(SHAPES[shape], ignore)
    expected = cross_entropy(y, logits[:, -1])
    for loss in (IterationLoss(), IterationLoss("uniform")):
        assert float(loss(y, logits[:, -1])) == pytest.approx(expected, rel=1e-5)


def test_iteration_loss_without_scored_positions_is_zero():
    y, logits = examples((3, 4), False)
    assert float(IterationLoss()(np.full_like(y, -1), logits)) == 0.0


def test_iteration_loss_sums_half_precision_in_float32():
    y, logits = examples((5,), False)
    half = keras.ops.cast(logits, "bfloat16")
    rounded = np.array(keras.ops.convert_to_numpy(keras.ops.cast(half, "float32")))
    loss = IterationLoss("uniform")
    assert float(loss(y, half)) == pytest.approx(float(loss(y, rounded)), rel=1e-5)


def test_iteration_loss_rejects_wrong_number_of_weights():
    y, logits = examples((5,), False)
    with pytest.raises(ValueError, match="2 weights for 4 readouts.*readout='all'"):
        IterationLoss([1, 2])(y, logits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "geometrical"}, "Did you mean 'geometric'"),
        ({"weights": []}, "finite numbers"),
        ({"weights": [1, float("nan")]}, "finite numbers"),
        ({"weights": [1, -1]}, "numbers of 0 or more"),
        ({"weights": {1.0}}, "finite numbers"),
        ({"weights": None}, "finite numbers"),
        ({"gamma": "large"}, "`gamma` must be a finite"),
        (
            {"weights": "geometric", "gamma": 0},
            "`gamma` must be a finite number above 0",
        ),
        (
            {"weights": "geometric", "gamma": float("nan")},
            "`gamma` must be a finite number above 0",
        ),
    ],
)
def test_iteration_loss_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        IterationLoss(**arguments)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_iteration_loss_round_trips_config(weights):
    loss, _ = WEIGHTS[weights]
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    y, logits = examples((5,), False)
    assert isinstance(again, IterationLoss)
    assert float(again(y, logits)) == float(loss(y, logits))
