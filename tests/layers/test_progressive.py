"""Progressive calls: n iterations without gradient, then k with gradient."""

import keras
import numpy as np
import pytest
from compare import array, close, weights
from harness import LOOPS, Increment, dense, model_of, normal, train
from keras import layers, ops

from keras_recur.layers import SharedRecurrentBlock, TimeSpecificBatchNormalization

ITERATIONS = 4


@pytest.fixture
def draw(monkeypatch):
    """Make the next draws n iterations without gradient and k with gradient."""

    def choose(n, k):
        values = [(n + 0.5) / ITERATIONS, (k - 0.5) / (ITERATIONS - n)]
        monkeypatch.setattr(
            keras.random, "uniform", lambda *_, **__: ops.convert_to_tensor(values)
        )

    return choose


class ByHand(layers.Layer):
    """A progressive call by hand: n iterations, `stop_gradient`, k iterations."""

    def __init__(self, loop, n, k):
        super().__init__()
        self.loop, self.n, self.k = loop, n, k

    def build(self, shape):
        self.loop.build(shape)

    def call(self, x, training=None):
        state = x
        for t in range(self.n + self.k if training else ITERATIONS):
            if self.loop.injection == "concat":
                shown = ops.stop_gradient(x) if training and t < self.n else x
                state = ops.concatenate([state, shown], axis=-1)
            state = self.loop.blocks[self.loop.groups[t]](state, training=training)
            if training and t < self.n:
                state = ops.stop_gradient(state)
        return state


def block():
    return keras.Sequential(
        [dense(), layers.BatchNormalization(), layers.Dropout(0.2, seed=1)]
    )


CASES = [
    (0, 1, {}),
    (0, 4, {"unroll": False}),
    (1, 2, {"sharing": [0, 0, 1, 1], "remat": True}),
    (2, 1, {"sharing": "none", "injection": "concat"}),
]


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # torch
@pytest.mark.parametrize(("n", "k", "arguments"), CASES)
def test_progressive_equals_the_loop_by_hand(n, k, arguments, draw, jit):
    def model(progressive):
        keras.utils.set_random_seed(1)
        loop = SharedRecurrentBlock(block(), ITERATIONS, **arguments)
        run = (
            (lambda x: loop(x, progressive=True)) if progressive else ByHand(loop, n, k)
        )
        return model_of(layers.Dense(4, name="stem"), run)

    draw(n, k)
    tested, expected = model(True), model(False)
    before = array(tested.get_layer("stem").kernel)
    results = train(tested, jit=jit, epochs=2), train(expected, jit=jit, epochs=2)
    close(*results)
    moved = np.abs(array(tested.get_layer("stem").kernel) - before).max()
    if n and not arguments.get("injection"):
        assert moved == 0
    else:
        assert moved > 1e-4


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
def test_progressive_runs_all_iterations_in_inference(loop):
    layer = SharedRecurrentBlock(block(), ITERATIONS, **loop)
    x = normal(8, 4)
    for training in (False, None):
        full = array(layer(x, training=training))
        close(array(layer(x, progressive=True, training=training)), full, 0)


@pytest.mark.parametrize(("n", "k"), [(0, 1), (1, 2)])
def test_progressive_updates_statistics_of_run_iterations_only(n, k, draw):
    draw(n, k)
    norm = TimeSpecificBatchNormalization()
    layer = SharedRecurrentBlock(keras.Sequential([dense(), norm]), ITERATIONS)
    train(model_of(lambda x: layer(x, progressive=True)))
    moved = np.abs(array(norm.moving_mean)).sum(axis=1) > 0
    assert moved.tolist() == [t < n + k for t in range(ITERATIONS)]


def draws(seed, jit="auto", batches=50, **arguments):
    """Return the draws of compiled training steps, from their loss and weight."""
    step = Increment()
    layer = SharedRecurrentBlock(step, 3, seed=seed)
    model = model_of(lambda x: layer(x, progressive=True, **arguments), shape=(1,))
    model.compile(keras.optimizers.SGD(0.125), "mae", jit_compile=jit)
    drawn = []
    for _ in range(batches):
        model.reset_metrics()
        step.step.assign(1.0)
        both = round(float(model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))))
        k = round(float(1 - array(step.step)) / 0.125)
        drawn.append((both - k, k))
    return drawn


def test_progressive_draws_for_every_batch(jit):
    drawn = draws(1, jit)
    allowed = {(n, k) for n in range(3) for k in range(1, 4 - n)}
    assert set(drawn) == allowed
    assert draws(1, jit, batches=9) == drawn[:9]
    assert draws(2, jit, batches=9) != drawn[:9]


def test_progressive_draws_within_the_iterations_of_the_call():
    assert set(draws(1, batches=9, iterations=1)) == {(0, 1)}
    assert max(n + k for n, k in draws(1, batches=40, iterations=5)) == 5


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # torch
def test_progressive_losses_have_no_gradient_in_frozen_iterations(draw):
    draw(2, 1)

    def kernel(regularizer):
        keras.utils.set_random_seed(1)
        stem = layers.Dense(4)
        layer = SharedRecurrentBlock(
            dense(activity_regularizer=regularizer), ITERATIONS
        )
        train(model_of(stem, lambda x: layer(x, progressive=True)))
        return weights(stem), weights(layer)

    plain, regularized = kernel(None), kernel(keras.regularizers.L2(0.1))
    close(regularized[0], plain[0], 0)
    assert np.abs(regularized[1][0] - plain[1][0]).max() > 1e-4


def test_progressive_supports_mixed_precision():
    layer = SharedRecurrentBlock(dense(dtype="mixed_bfloat16"), ITERATIONS, seed=1)
    result = train(model_of(lambda x: layer(x, progressive=True)), epochs=3)
    assert np.isfinite(result["loss"]).all()
    state = layer(normal(2, 4), progressive=True, training=True)
    assert keras.backend.standardize_dtype(state.dtype) == "bfloat16"
