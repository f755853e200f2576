"""First states, damping and noise of a loop."""

import keras
import numpy as np
import pytest
from compare import array, close, far, output
from harness import LOOPS, dense, model_of, normal
from keras import ops

from keras_recur import zoo
from keras_recur.layers import SharedRecurrentBlock
from keras_recur.layers._random import seed_scope


def loop_of(way="unrolled", units=4, **arguments):
    block = dense(units)
    arguments = {"injection": "add", "seed": 3, **LOOPS[way], **arguments}
    return SharedRecurrentBlock(block, 3, **arguments)


def kernel_and_bias(loop):
    return [array(w) for w in loop.block.weights]


def apply(loop, z, x):
    kernel, bias = kernel_and_bias(loop)
    return np.tanh((z + x) @ kernel + bias)


@pytest.mark.parametrize("way", LOOPS)
def test_zeros_and_damping_compute_what_they_say(way):
    loop = loop_of(way, initial_state="zeros", damping=0.25)
    x = normal(2, 4)
    found = array(loop(x, return_sequences=True))
    z = np.zeros_like(x)
    for t in range(3):
        z = 0.25 * z + 0.75 * apply(loop, z, x)
        close(found[:, t], z, 1e-5)


@pytest.mark.parametrize("way", LOOPS)
def test_noise_differs_between_iterations_and_is_the_same_in_every_kind_of_loop(way):
    def states(way, seed=5, **call):
        keras.utils.set_random_seed(1)
        loop = loop_of(way, state_noise=0.5, initial_state="normal")
        loop.build((2, 4))
        with seed_scope(seed):
            first = array(loop.first_state(x))
        with seed_scope(seed):
            found = array(loop(x, return_sequences=True, noise=True, **call))
        steps = [apply(loop, z, x) for z in [first, *np.swapaxes(found, 0, 1)[:-1]]]
        return found, [found[:, t] - steps[t] for t in range(3)]

    x = normal(2, 4)
    found, noise = states(way)
    close(found, states("unrolled")[0], 1e-5)
    for a, b in ((0, 1), (1, 2), (0, 2)):
        assert far(noise[a], noise[b])
    assert 0.2 < np.std(noise) < 0.9
    assert far(states(way, seed=6)[0], found)


def test_normal_starts_differ_between_calls_examples_and_positions():
    loop = loop_of(initial_state="normal")
    x = np.zeros((400, 25, 4), "float32")
    first, second = array(loop.first_state(x)), array(loop.first_state(x))
    assert far(first, second) and far(first[0], first[1])
    assert abs(first.std() - 1) < 0.02 and abs(first.mean()) < 0.02
    assert abs(first).max() <= 2 / 0.8796
    assert far(array(loop(x, training=False)), array(loop(x, training=False)))


def test_fixed_normal_is_one_vector_that_is_saved_and_never_trained(tmp_path):
    model = model_of(loop_of(initial_state="fixed_normal", seed=None), shape=(5, 4))
    loop = model.layers[-1]
    first = array(loop.first_state(normal(2, 5, 4)))
    close(first, np.broadcast_to(first[0, 0], first.shape), 0)
    assert len(loop.first_states) == 1 and not loop.first_states[0].trainable
    x = normal(2, 5, 4)
    model.compile("sgd", "mse")
    model.fit(x, x, verbose=0)
    close(array(loop.first_states[0]), first[0, 0], 0)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    close(output(loaded, x), output(model, x), 1e-6)
    again = loop_of(initial_state="fixed_normal"), loop_of(initial_state="fixed_normal")
    for other in again:
        other.build((2, 4))
    close(array(again[0].first_states[0]), array(again[1].first_states[0]), 0)


@pytest.mark.parametrize("way", LOOPS)
def test_defaults_are_the_plain_loop(way):
    keras.utils.set_random_seed(1)
    plain = loop_of(way)
    x = normal(2, 4)
    state = array(plain.seed_generator.state)
    expected = x
    for _ in range(3):
        expected = array(plain.block(expected + x))
    for training in (False, True):
        close(array(plain(x, training=training)), expected, 1e-6)
    close(array(plain.seed_generator.state), state, 0)


@pytest.mark.parametrize(
    ("way", "policy", "jit"),
    [
        ("unrolled", "mixed_bfloat16", False),
        ("rolled", "float32", True),
        ("remat", "float32", True),
        ("rolled+remat", "mixed_bfloat16", False),
    ],
)
def test_training_draws_new_numbers_and_keeps_dtypes(way, policy, jit):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("PyTorch compiles nothing here.")
    keras.utils.set_random_seed(1)
    block = keras.layers.Dense(4, dtype=policy)
    loop = SharedRecurrentBlock(
        block,
        3,
        injection="add",
        seed=1,
        initial_state="normal",
        damping=0.1,
        state_noise=0.1,
        **LOOPS[way],
    )
    model = model_of(loop, shape=(4,))
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit)
    x = normal(8, 4)
    losses = [model.train_on_batch(x, x) for _ in range(3)]
    assert np.isfinite(losses).all() and len(set(map(float, losses))) == 3
    assert loop.compute_dtype == policy.removeprefix("mixed_")
    a, b = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert far(np.asarray(a, "float32"), np.asarray(b, "float32"))


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
def test_progressive_calls_pass_no_gradient_through_frozen_iterations(monkeypatch):
    # 2 iterations without gradient, then 1 with it.
    monkeypatch.setattr(
        keras.random, "uniform", lambda *_, **__: ops.convert_to_tensor([0.8, 0.5])
    )

    def trained(progressive):
        keras.utils.set_random_seed(1)
        loop = loop_of(damping=0.5)
        inputs = keras.Input((4,))
        state = keras.layers.Dense(4, name="stem")(inputs)
        if progressive:
            outputs = loop(state, injected=inputs, progressive=True)
        else:
            state = keras.layers.Lambda(ops.stop_gradient)(
                loop(state, injected=inputs, iterations=2)
            )
            outputs = loop(state, injected=inputs, iterations=1)
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.SGD(0.5), "mse")
        model.train_on_batch(normal(8, 4), normal(8, 4, seed=1))
        return kernel_and_bias(loop), array(model.get_layer("stem").kernel)

    close(trained(True), trained(False), 1e-5)


def test_integers_of_a_state_stay_those_of_the_input():
    class Count(keras.layers.Layer):
        def call(self, state):
            return {"h": state["h"] * 0.5, "count": state["count"] + 1}

        def compute_output_spec(self, state):
            return state

    class Shown(SharedRecurrentBlock):
        def inject(self, state, injected):
            return {**state, "h": state["h"] + injected["h"]}

    x = {"h": np.ones((2, 4), "float32"), "count": np.array([[3], [5]], "int32")}
    for start in ("zeros", "normal", "fixed_normal"):
        loop = Shown(
            Count(),
            4,
            injection="add",
            initial_state=start,
            state_noise=0.1,
            damping=0.2,
        )
        found = loop(x, training=True)
        assert array(found["count"]).tolist() == [[7], [9]]
        assert far(array(found["h"]), np.ones((2, 4)))


def test_masks_stay_attached_to_noisy_states():
    from keras_recur.layers._masks import masks_of

    x = keras.layers.Masking()(np.array([[[1.0], [0.0]], [[1.0], [2.0]]], "float32"))
    for way in LOOPS:
        loop = loop_of(
            way, units=1, initial_state="normal", state_noise=0.1, damping=0.1
        )
        found = masks_of(loop(x, training=True))[0]
        assert array(ops.cast(found, "int32")).tolist() == [[1, 0], [1, 1]]


def test_config_keeps_the_arguments_and_old_configs_load():
    loop = loop_of(initial_state="normal", damping=0.1, state_noise=0.2)
    config = loop.get_config()
    again = SharedRecurrentBlock.from_config(config)
    assert (again.initial_state, again.damping, again.state_noise) == (
        "normal",
        0.1,
        0.2,
    )
    config = loop.get_config()
    for name in ("initial_state", "damping", "state_noise"):
        del config[name]
    old = SharedRecurrentBlock.from_config(config)
    assert (old.initial_state, old.damping, old.state_noise) == ("input", 0.0, 0.0)


def test_twins_and_tying_share_the_fixed_first_state():
    pair = zoo.build(
        "deep_thinking_1d",
        width=4,
        iterations=2,
        injection="concat",
        initial_state="fixed_normal",
    )
    twins = [m.get_layer("recurrent") for m in (pair.recurrent, pair.feedforward)]
    first, second = (array(loop.first_states[0]) for loop in twins)
    close(first, second, 0)
    twins[0].first_states[0].assign(first + 1)
    pair.untie()
    close(array(twins[1].first_states[0]), first + 1, 1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial_state": "zeros"}, "'zeros' needs `injection='add'`.*injection=None"),
        ({"initial_state": "random"}, "`initial_state`.*Received.*'random'"),
        ({"damping": 1.0}, "`damping` must be.*Received: damping=1.0"),
        ({"damping": -0.1}, "`damping` must be.*Received: damping=-0.1"),
        ({"state_noise": -1}, "`state_noise` must be.*Received: state_noise=-1"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        SharedRecurrentBlock(dense(), 3, **arguments)


def test_refusals_of_calls():
    loop = loop_of()
    with pytest.raises(ValueError, match=r"`initial_state`.*'no such'"):
        loop(normal(2, 4), initial_state="no such")
    with pytest.raises(ValueError, match=r"`noise` must be"):
        loop(normal(2, 4), noise="yes")
    with pytest.raises(ValueError, match=r"needs `injection"):
        loop_of(injection=None)(normal(2, 4), initial_state="zeros")
    loop = loop_of(initial_state="fixed_normal")
    with pytest.raises(ValueError, match="last axis of the state must have a known"):
        loop(keras.Input((None, None)))
