"""Samplers of progressive calls: how many iterations run, and how many train."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import Increment, dense, model_of, normal
from keras import layers, ops

from keras_recur.layers import Depth, SharedRecurrentBlock
from keras_recur.layers._depth_samplers import draw

DRAWS = 100_000


def drawn(sampler, iterations):
    """Return the total and the trained iterations of many draws."""
    uniforms = np.random.default_rng(0).random((2, DRAWS), "float32")
    n, k = draw(sampler, ops.convert_to_tensor(uniforms), iterations)
    n, k = array(n), array(k)
    assert n.min() >= 0 and k.min() >= 1 and (n + k).max() <= iterations
    return n + k, k


def harmonic(n):
    return sum(1 / i for i in range(1, n + 1))


def near(values, expected):
    """Check a mean or a share to four standard errors."""
    values = np.asarray(values, "float64")
    assert abs(values.mean() - expected) < 4 * values.std() / DRAWS**0.5 + 1e-9


@pytest.mark.parametrize("iterations", [1, 3, 30])
def test_paper_sampler_follows_its_distribution(iterations):
    total, k = drawn("paper", iterations)
    for s in {1, (iterations + 1) // 2, iterations}:
        near(total == s, (harmonic(iterations) - harmonic(iterations - s)) / iterations)
    near(total, (3 * iterations + 1) / 4)
    near(k, (iterations + 3) / 4)


@pytest.mark.parametrize("iterations", [1, 3, 30])
def test_uniform_sampler_follows_its_distribution(iterations):
    total, k = drawn("uniform", iterations)
    for s in {1, (iterations + 1) // 2, iterations}:
        near(total == s, 1 / iterations)
    near(total, (iterations + 1) / 2)
    near(k, (iterations + 3) / 4)
    counts = np.bincount(k[total == iterations])[1:]
    assert len(counts) == iterations
    np.testing.assert_allclose(counts / counts.mean(), 1, atol=0.35)


@pytest.mark.parametrize(("mean", "spread"), [(32, 0.5), (4, 0), (2.5, 1.0)])
def test_depth_sampler_follows_a_log_normal_poisson_distribution(mean, spread):
    total, k = drawn(Depth(mean, spread, gradient=8), 400)
    assert (k == np.minimum(total, 8)).all()
    # Poisson: the variance is the mean plus the variance of the rate.
    variance = mean + mean**2 * np.expm1(spread**2)
    assert total.mean() == pytest.approx(mean + 1, rel=0.01)
    assert total.std() == pytest.approx(variance**0.5, rel=0.03)
    rng = np.random.default_rng(1)
    rates = np.exp(rng.normal(np.log(mean) - spread**2 / 2, spread, DRAWS))
    near(total == 1, np.exp(-rates).mean())
    np.testing.assert_allclose(
        np.quantile(total, [0.1, 0.5, 0.9]),
        np.quantile(1 + rng.poisson(rates), [0.1, 0.5, 0.9]),
        atol=1,
    )


def test_depth_sampler_cuts_large_draws_off():
    every, _ = drawn(Depth(8), 100)
    total, k = drawn(Depth(8, gradient=20), 10)
    assert (total == np.minimum(every, 10)).all()
    assert (k == total).all()


SAMPLERS = ["paper", "uniform", Depth(3, gradient=2)]


class LastIterations(layers.Layer):
    """n iterations, `stop_gradient`, then k iterations, by hand."""

    def __init__(self, loop, n, k):
        super().__init__()
        self.loop, self.n, self.k = loop, n, k

    def build(self, shape):
        self.loop.build(shape)

    def call(self, x):
        state = x
        for t in range(self.n + self.k):
            state = self.loop.block(state)
            state = ops.stop_gradient(state) if t < self.n else state
        return state


@pytest.mark.parametrize("uniforms", [(0.1, 0.4), (0.6, 0.6), (0.95, 0.95)])
@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_sampler_gives_gradient_to_the_last_iterations(sampler, uniforms, monkeypatch):
    n, k = (int(v) for v in draw(sampler, ops.convert_to_tensor(uniforms), 6))
    given = ops.convert_to_tensor(np.array(uniforms, "float32"))
    monkeypatch.setattr(keras.random, "uniform", lambda *_, **__: given)

    def trained(call):
        keras.utils.set_random_seed(1)
        loop = SharedRecurrentBlock(dense(), 6)
        model = model_of(call(loop))
        model.compile(keras.optimizers.SGD(0.5), "mse")
        loss = float(model.train_on_batch(normal(8, 4), np.ones((8, 4))))
        return loss, array(loop.block.kernel)

    found = trained(lambda loop: lambda x: loop(x, progressive=sampler))
    close(found, trained(lambda loop: LastIterations(loop, n, k)))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_sampler_draws_in_one_compiled_graph(sampler, jit):
    traced = []

    class Counted(layers.Layer):
        def call(self, x):
            traced.append(1)
            return x

    step = Increment()
    loop = SharedRecurrentBlock(keras.Sequential([Counted(), step]), 5, seed=1)
    model = model_of(lambda x: loop(x, progressive=sampler), shape=(1,))
    model.compile(keras.optimizers.SGD(0.0), "mae", jit_compile=jit)
    x = np.zeros((1, 1))
    depths, first = set(), None
    for _ in range(40):
        model.reset_metrics()
        depths.add(round(float(model.train_on_batch(x, x))))
        first = first or len(traced)
    assert depths == {1, 2, 3, 4, 5}
    if keras.backend.backend() != "torch":
        assert len(traced) == first


def test_true_is_the_sampler_of_the_paper():
    loops = [SharedRecurrentBlock(Increment(), 9, seed=3) for _ in range(2)]
    x = np.zeros((1, 1))
    for _ in range(10):
        found = [
            float(array(loop(x, progressive=p, training=True))[0, 0])
            for loop, p in zip(loops, (True, "paper"), strict=True)
        ]
        assert found[0] == found[1]


def test_sampler_survives_a_file(tmp_path):
    depth = Depth(2, 0.25, 1)
    loop = SharedRecurrentBlock(dense(), 4)
    model = model_of(lambda x: loop(x, progressive=depth))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    node = loaded.layers[-1]._inbound_nodes[0]
    assert node.arguments.kwargs["progressive"] == depth
    close(array(loaded(normal(2, 4))), array(model(normal(2, 4))))


BAD = [
    ("papers", "must be 'paper', 'uniform' or a `Depth`.*Did you mean 'paper'"),
    (1, "Received: progressive=1"),
    (0.5, "Received: progressive=0.5"),
    (Depth(5), r"at most the 4 iterations of the call.*Depth\(mean=5"),
]


@pytest.mark.parametrize(("value", "message"), BAD)
def test_loop_refuses_invalid_samplers(value, message):
    loop = SharedRecurrentBlock(dense(), 4)
    for x in (normal(2, 4), keras.KerasTensor((2, 4))):
        with pytest.raises(ValueError, match=message):
            loop(x, progressive=value)
