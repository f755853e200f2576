"""Coupled decay and throttle, compared with PyTorch's rules in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_recur import zoo
from keras_recur.losses import IterationLoss
from keras_recur.optimizers import CoupledAdam, CoupledSGD
from keras_recur.training import Recipe

DECAY, RATE, STEPS = 0.1, 0.05, 3
START = np.array([[1.0, -2.0], [0.5, 3.0]], "float32")
GRADIENTS = np.random.default_rng(0).normal(size=(STEPS, 2, 2)).astype("float32")


def run(optimizer, start=START, gradients=GRADIENTS):
    variable = keras.Variable(start, name="w")
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
    return ops.convert_to_numpy(variable)


def torch_sgd(momentum, nesterov, decay=DECAY, rate=RATE, gradients=GRADIENTS):
    w, buffer = START.astype(float), 0.0
    for gradient in gradients:
        d = gradient + decay * w
        buffer = momentum * buffer + d
        w = w - rate * ((d + momentum * buffer) if nesterov else buffer)
    return w


def torch_adam(decay=DECAY, rate=RATE):
    w, m, v = START.astype(float), 0.0, 0.0
    for t, gradient in enumerate(GRADIENTS, start=1):
        d = gradient + decay * w
        m, v = 0.9 * m + 0.1 * d, 0.999 * v + 0.001 * d**2
        w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_coupled_sgd_matches_torch(momentum, nesterov):
    nesterov = nesterov and momentum > 0
    found = run(CoupledSGD(RATE, momentum, nesterov, coupled_weight_decay=DECAY))
    np.testing.assert_allclose(found, torch_sgd(momentum, nesterov), 1e-5, 1e-6)


def test_coupled_sgd_momentum_accumulates_gradients():
    optimizer = CoupledSGD(0.1, 0.9)
    variable = keras.Variable(START, name="w")
    optimizer.build([variable])
    expected, held = START.astype(float), 0.0
    for rate, gradient in zip((0.1, 0.01, 0.001), GRADIENTS, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        held = 0.9 * held + gradient
        expected = expected - rate * held
    np.testing.assert_allclose(ops.convert_to_numpy(variable), expected, 1e-5, 1e-6)


def test_coupled_adam_matches_torch():
    found = run(CoupledAdam(RATE, coupled_weight_decay=DECAY))
    np.testing.assert_allclose(found, torch_adam(), 1e-4, 1e-5)
    assert np.max(np.abs(torch_adam() - torch_adam(decay=0.0))) > 1e-3


@pytest.mark.parametrize("cls", [CoupledSGD, CoupledAdam])
def test_coupled_optimizer_without_decay_matches_keras(cls):
    theirs = {CoupledSGD: keras.optimizers.SGD, CoupledAdam: keras.optimizers.Adam}
    np.testing.assert_array_equal(run(cls(RATE)), run(theirs[cls](RATE)))


def test_coupled_sgd_clips_before_decay():
    found = run(CoupledSGD(RATE, global_clipnorm=0.5, coupled_weight_decay=DECAY))
    norms = np.sqrt((GRADIENTS**2).sum(axis=(1, 2), keepdims=True))
    assert (norms > 0.5).all()
    expected = torch_sgd(0.0, False, gradients=GRADIENTS * 0.5 / norms)
    np.testing.assert_allclose(found, expected, 1e-5, 1e-6)


@pytest.mark.parametrize("cls", [CoupledSGD, CoupledAdam])
def test_multiplier_scales_step_exactly(cls):
    one = run(cls(RATE), gradients=GRADIENTS[:1]) - START
    quarter = run(cls(RATE, multipliers=[0.25]), gradients=GRADIENTS[:1]) - START
    np.testing.assert_allclose(quarter, one / 4, 1e-4, 1e-6)
    other = run(cls(RATE, multipliers=[1.0]), gradients=GRADIENTS[:1]) - START
    np.testing.assert_array_equal(other, one)
    # Equal to a lower learning rate for that weight, also over many steps.
    slow = run(cls(RATE, coupled_weight_decay=DECAY, multipliers=[0.5]))
    low = run(cls(RATE / 2, coupled_weight_decay=DECAY))
    np.testing.assert_allclose(slow, low, 1e-5, 1e-6)


def test_multipliers_of_other_model_are_rejected():
    with pytest.raises(ValueError, match="one value per trainable.*2 values for 1 var"):
        run(CoupledSGD(RATE, multipliers=[1.0, 0.5]))


@pytest.mark.parametrize("cls", [CoupledSGD, CoupledAdam])
def test_coupled_optimizer_round_trips_config(cls):
    made = cls(RATE, coupled_weight_decay=DECAY, multipliers=[0.5])
    config = keras.saving.serialize_keras_object(made)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is cls
    np.testing.assert_array_equal(run(again), run(made))


def test_reloaded_model_keeps_throttle(tmp_path, jit):
    arguments = {"input_shape": (2, 2, 1), "width": 3, "num_classes": 2}
    model = zoo.build("mlp", iterations=2, seed=0, **arguments).recurrent
    recipe = Recipe("sgd", 0.5, epochs=1, batch_size=4, throttle=True, weight_decay=0.1)
    model.compile(recipe.make_optimizer(model), IterationLoss(), jit_compile=jit)
    x = np.random.default_rng(1).normal(size=(4, 2, 2, 1)).astype("float32")
    y = np.array([0, 1, 1, 0])
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.multipliers == model.optimizer.multipliers
    for each in (model, loaded):
        each.train_on_batch(x, y)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, ours, 1e-5, 1e-6)
    assert sorted(set(loaded.optimizer.multipliers)) == [0.5, 1.0]


def test_recipe_does_not_decay_bank_coefficients():
    pair = zoo.build("scnn", width=4, iterations=3, templates=2, seed=0)
    model = pair.recurrent
    recipe = Recipe("sgd", 0.5, epochs=1, batch_size=1, momentum=0.0, weight_decay=0.1)
    optimizer = recipe.make_optimizer(model)
    before = [ops.convert_to_numpy(v) for v in model.trainable_variables]
    optimizer.build(model.trainable_variables)
    zeros = [ops.zeros(v.shape) for v in before]
    optimizer.apply(zeros, model.trainable_variables)
    kept = []
    for variable, old in zip(model.trainable_variables, before, strict=True):
        new = ops.convert_to_numpy(variable)
        if np.array_equal(new, old) and old.any():
            kept.append(variable.name)
        else:
            np.testing.assert_allclose(new, old * (1 - 0.5 * 0.1), 1e-5, 1e-7)
    assert kept == ["coefficients"]
    assert recipe.make_optimizer(pair.feedforward).decayed is None


def test_decayed_must_match_variables():
    optimizer = CoupledSGD(0.1, coupled_weight_decay=0.1, decayed=[True, False])
    with pytest.raises(
        ValueError, match="`decayed` must have one value.*2 values for 1"
    ):
        optimizer.build([keras.Variable(START)])


@pytest.mark.parametrize("cls", [CoupledSGD, CoupledAdam])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_coupled_optimizer_in_half_precision_matches_float32(cls, dtype):
    def moved(dtype):
        variable = keras.Variable(START, name="w", dtype=dtype)
        optimizer = cls(RATE, coupled_weight_decay=DECAY, multipliers=[0.5])
        optimizer.build([variable])
        for gradient in np.repeat(GRADIENTS, 4, axis=0):
            optimizer.apply([ops.cast(gradient, dtype)], [variable])
        assert keras.backend.standardize_dtype(variable.dtype) == dtype
        rate = ops.convert_to_numpy(optimizer.learning_rate)
        assert float(rate) == pytest.approx(RATE)
        return ops.convert_to_numpy(ops.cast(variable, "float32"))

    np.testing.assert_allclose(moved(dtype), moved("float32"), rtol=0, atol=0.06)
    assert np.abs(moved(dtype) - START).max() > 0.1


@pytest.mark.parametrize("cls", [CoupledSGD, CoupledAdam])
@pytest.mark.parametrize(
    "arguments",
    [
        {"coupled_weight_decay": -1},
        {"coupled_weight_decay": "much"},
        {"multipliers": [float("nan")]},
        {"multipliers": "half"},
        {"decayed": [1.5]},
        {"decayed": True},
    ],
    ids=str,
)
@pytest.mark.once
def test_coupled_optimizer_rejects_bad_arguments(cls, arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        cls(RATE, **arguments)
