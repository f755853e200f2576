"""Several training steps per call of the compiled function."""

import dataclasses
import threading

import keras
import numpy as np
import pytest
from training_networks import RECIPE, assert_same_weights, deep_thinking, strings, train

from keras_recur.training import Recipe, TrainingDiverged

torch = keras.backend.backend() == "torch"
compiled = pytest.mark.skipif(torch, reason="PyTorch runs single steps.")


@compiled
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"progressive": 0.5},
        {"loss_weights": "window", "window": 2, "replay": 0.7, "replay_from": 1},
    ],
    ids=["plain", "progressive", "replay"],
)
def test_fit_gives_the_same_results_with_several_steps_per_execution(changes):
    recipe = dataclasses.replace(RECIPE, **changes)
    # Five batches, so that the last execution has one step.
    models = [deep_thinking(injection="concat", seed=3) for _ in range(2)]
    one, two = (
        train(model, recipe, strings(num_examples=80), steps_per_execution=steps)
        for model, steps in zip(models, (1, 2), strict=True)
    )
    for key in ("loss", "accuracy"):
        np.testing.assert_allclose(two[key], one[key], rtol=1e-5, atol=1e-6)
    assert_same_weights(*models, tolerance=2e-6)


@pytest.mark.parametrize("steps", [1, pytest.param(4, marks=compiled)])
@pytest.mark.parametrize("waits", [True, False])
def test_fit_stops_within_an_epoch_on_an_infinite_loss(waits, steps):
    seen, threads = [], set()

    class Count(keras.callbacks.Callback):
        async_safe = not waits

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
            threads.add(threading.current_thread())

    recipe = Recipe("sgd", 1e30, epochs=1, batch_size=16)
    data = strings(num_examples=16 * 120)
    several = {"steps_per_execution": steps, "callbacks": [Count()]}
    with pytest.raises(TrainingDiverged, match="epoch 1"):
        train(deep_thinking(), recipe, data, **several)
    assert max(seen, default=0) < 119
    if steps == 1:
        # On TensorFlow, Keras calls no callback beside the steps.
        here = waits or keras.backend.backend() == "tensorflow"
        assert (threading.main_thread() in threads) == here


@pytest.mark.skipif(not torch, reason="Other backends compile several steps.")
def test_fit_refuses_several_steps_per_execution_on_pytorch():
    with pytest.raises(ValueError, match="`steps_per_execution` must be 1 on PyTorch"):
        train(deep_thinking(), steps_per_execution=2)
