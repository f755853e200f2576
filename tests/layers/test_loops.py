"""Unrolled, rolled and rematerialized loops compute the same numbers."""

import functools
import types

import keras
import numpy as np
import pytest
from compare import array, close
from harness import (
    LOOPS,
    AddIndex,
    Nested,
    Penalty,
    dense,
    model_of,
    normal,
    registered,
    train,
    unseeded,
)
from keras import layers

from keras_recur.layers import (
    Readout,
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
    current_iteration,
)

CASES = {
    "sequential": {},
    "functional, groups": {"functional": True, "sharing": [0, 0, 1]},
    "alternating, injection, sequence": {
        "sharing": [0, 1, 0],
        "injection": "add",
        "return_sequences": True,
    },
    "bfloat16": {"policy": "mixed_bfloat16"},
    "bank": {"sharing": TemplateBank(2)},
    "bank, bfloat16": {"sharing": TemplateBank(2), "policy": "mixed_bfloat16"},
}
PAIRS = [
    ("sequential", "rolled"),
    ("sequential", "remat"),
    ("functional, groups", "rolled"),
    ("alternating, injection, sequence", "rolled+remat"),
    ("bfloat16", "rolled"),
    ("bank", "rolled"),
    ("bank", "remat"),
    ("bank", "rolled+remat"),
    ("bank, bfloat16", "rolled"),
]
COMPILED = [(*pair, "auto") for pair in PAIRS]
if keras.backend.backend() == "tensorflow":  # XLA takes long: every kind of loop once.
    COMPILED = [(*pair, False) for pair in PAIRS]
    COMPILED += [(*pair, True) for pair in PAIRS[1:5] + [("bank", "rolled+remat")]]


def model(loop, functional=False, policy="float32", **arguments):
    """Return a block with every kind of state, in nested models."""
    keras.utils.set_random_seed(1)
    stages = [
        layers.Conv1D(4, 3, padding="same", dtype=policy),
        layers.BatchNormalization(dtype=policy),
        TimeSpecificBatchNormalization(affine="per_iteration", dtype=policy),
        layers.ReLU(dtype=policy),
        layers.Dropout(0.3, seed=3, dtype=policy),
    ]
    if functional:
        block = model_of(*stages, shape=(None, 4))
    else:
        block = keras.Sequential([keras.Sequential(stages[:2]), *stages[2:]])
    block = SharedRecurrentBlock(block, 3, **LOOPS[loop], **arguments)
    readout = "all" if arguments.get("return_sequences") else "last"
    return model_of(block, Readout(layers.Dense(2), readout), shape=(5, 4))


@functools.cache
def reference(case, jit):
    """Return results of the unrolled loop. TensorFlow with XLA draws other numbers."""
    return train(model("unrolled", **CASES[case]), jit=jit, epochs=2)


@pytest.mark.parametrize(("case", "loop", "jit"), COMPILED)
def test_loop_kinds_compute_the_same(case, loop, jit):
    """Compare losses, weights, statistics, seeds and predictions."""
    tolerance = 3e-2 if "bfloat16" in case else 1e-4
    trained = train(model(loop, **CASES[case]), jit=jit, epochs=2)
    close(trained, reference(case, jit), tolerance)


def compiled_by_xla(model, x):
    """Return XLA's program for a gradient of the model as text."""
    if keras.backend.backend() == "jax":
        import jax

        def loss(weights, others):
            return (model.stateless_call(weights, others, x)[0] ** 2).sum()

        variables = model.trainable_variables, model.non_trainable_variables
        values = [[v.value for v in some] for some in variables]
        return jax.jit(jax.grad(loss)).lower(*values).compile().as_text()
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    x = tf.constant(x)
    return gradient.experimental_get_compiler_ir(x)(stage="optimized_hlo")


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="compiles nothing")
@pytest.mark.parametrize(
    ("loop", "times"),
    [("unrolled", 4), ("remat", 8), ("rolled", 1), ("rolled+remat", 2)],
)
def test_remat_is_not_merged_by_xla(loop, times):
    block = SharedRecurrentBlock(dense(), 4, **LOOPS[loop])
    program = compiled_by_xla(model_of(block, shape=(4,)), normal(2, 4))
    assert program.count(" tanh(") == times


@pytest.mark.parametrize("loop", LOOPS)
def test_loop_updates_statistics_once_in_eager_calls(loop):
    block = layers.BatchNormalization(momentum=0.5)
    layer = SharedRecurrentBlock(block, 2, **LOOPS[loop])
    x = normal(16, 4) + 3
    layer(x, training=False)
    close(array(block.moving_mean), 0 * x[0], 0)
    layer(x, training=True)
    close(array(block.moving_mean), x.mean(0) / 4, 1e-4)  # Halved by the 2nd, mean 0.


def block_with_losses():
    penalty = keras.regularizers.L2(0.1)
    layer = dense(activity_regularizer=penalty, kernel_regularizer=penalty)
    return keras.Sequential([layer, Nested(Penalty())])


def trained_with_losses(loop, jit):
    keras.utils.set_random_seed(1)
    model = model_of(SharedRecurrentBlock(block_with_losses(), 3, **LOOPS[loop]))
    block, x = model.layers[1].block, normal(8, 4)
    expected, state = array(sum(block.losses)), x  # Those of weights count once,
    for _ in range(3):
        state = block(state)
        expected += sum(
            array(loss) for loss in block.losses[:2]
        )  # of states each time.
    expected += np.square(array(state) - 1).mean()
    return train(model, x, jit, epochs=2), expected


reference_with_losses = functools.cache(
    functools.partial(trained_with_losses, "unrolled")
)


@pytest.mark.parametrize("loop", LOOPS)
def test_loop_adds_block_losses_of_every_iteration(loop, jit):
    result, expected = trained_with_losses(loop, jit)
    close(result["loss"][0], expected)
    close(result, reference_with_losses(jit)[0])


@pytest.mark.parametrize(
    ("sharing", "expected"), [("all", 903), ([0, 0, 1], 501), ("none", 300)]
)
@pytest.mark.parametrize("loop", LOOPS)
def test_current_iteration_reaches_nested_layers(loop, sharing, expected, jit):
    """`AddIndex` adds index + 100 * iterations at every iteration of a group."""
    block = keras.Sequential([Nested(keras.Sequential([AddIndex()]))])
    layer = SharedRecurrentBlock(block, 3, sharing=sharing, **LOOPS[loop])
    looped = model_of(layer, shape=(1,))
    looped.compile(jit_compile=jit)
    assert looped.predict(normal(1, 1) * 0, verbose=0) == expected


def test_current_iteration_is_none_outside_of_a_loop():
    class Failing(layers.Layer):
        def call(self, x):
            seen.append(current_iteration())
            raise RuntimeError("within the loop")

    seen = []
    assert current_iteration() is None
    with pytest.raises(RuntimeError, match="within the loop"):
        SharedRecurrentBlock(Failing(), 2)(normal(1, 1))
    assert seen[0] == (0, 2, 0)  # index, iterations, number
    assert current_iteration() is None


def test_loop_accepts_a_loop_as_block():
    inner = SharedRecurrentBlock(AddIndex(), 2)
    outer = SharedRecurrentBlock(keras.Sequential([inner, AddIndex()]), 3)
    out = float(array(outer(normal(1, 1) * 0))[0, 0])
    assert out == 3 * (0 + 1 + 2 * 200) + (0 + 1 + 2 + 3 * 300)


def normalized_by_its_spectrum():
    block = keras.Sequential([layers.SpectralNormalization(dense())])
    block.build((None, 4))
    for n, weight in enumerate(block.weights):
        weight.assign(normal(*weight.shape, seed=n))
    return block


@registered
class Half(layers.Layer):
    """A user's layer, which may write its weights."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones")

    def call(self, x):
        return x * self.scale / 2


@pytest.mark.parametrize("loop", LOOPS)
def test_compiled_loop_of_a_users_layer_needs_no_earlier_call(loop):
    """On JAX, variables have no values while a model trains or predicts."""

    def model():
        block = keras.Sequential([layers.Dense(4), Half()])
        return model_of(SharedRecurrentBlock(block, 3, **LOOPS[loop]))

    x = normal(8, 4)
    assert model().predict(x, verbose=0).shape == (8, 4)
    trained = model()
    trained.compile("sgd", "mse")
    assert np.isfinite(trained.train_on_batch(x, x))


@pytest.mark.parametrize("loop", LOOPS)
def test_loop_carries_trainable_weights_that_call_writes(loop):
    """SpectralNormalization writes its kernel when it is called."""
    trained = []
    for way in ("by hand", loop):
        block = normalized_by_its_spectrum()
        # By hand, PyTorch refuses a backward pass through written weights.
        torch = keras.backend.backend() == "torch"
        parts = [block] * 3
        if way == loop or torch:
            arguments = LOOPS[loop] if way == loop else LOOPS["rolled"]
            parts = [SharedRecurrentBlock(block, 3, **arguments)]
        result = unseeded(train(model_of(*parts), epochs=2))
        trained.append({**result, "weights": [array(w) for w in block.weights]})
    close(*trained, 1e-4)
    block, x = normalized_by_its_spectrum(), normal(8, 4)
    by_hand = block(block(block(x, training=True), training=True), training=True)
    other = normalized_by_its_spectrum()
    looped = SharedRecurrentBlock(other, 3, **LOOPS[loop])(x, training=True)
    close(array(looped), array(by_hand), 1e-4)
    written = [[array(w) for w in b.weights] for b in (other, block)]
    close(*written, 1e-4)
    assert np.abs(written[0][0] - normal(4, 4)).max() > 1e-2


def stateful(units=4):
    return layers.LSTM(units, return_sequences=True, stateful=True)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
def test_loop_carries_the_states_of_a_stateful_rnn(loop, training):
    rnn, x = stateful(), normal(3, 5, 4)
    layer = SharedRecurrentBlock(rnn, 3, **LOOPS[loop])
    layer(x)
    results = []
    for call in (layer, lambda x, training: rnn(rnn(rnn(x)))):
        rnn.reset_state()
        outputs = array(call(x, training=training))
        results.append([outputs, *map(array, rnn.states)])
    close(*results)


def trained_with_states(loop):
    keras.utils.set_random_seed(1)
    x = keras.Input(batch_shape=(8, 5, 4))
    layer = SharedRecurrentBlock(stateful(), 3, seed=1, **LOOPS[loop])
    return train(keras.Model(x, layer(x)), epochs=2)


@pytest.mark.parametrize("loop", list(LOOPS)[1:])
def test_loops_of_a_stateful_rnn_train_alike(loop):
    close(trained_with_states(loop), trained_with_states("unrolled"))


@registered
class Drift(layers.Layer):
    """A user's layer that counts its calls in a variable that Keras does not track."""

    def build(self, shape):
        calls = keras.Variable(0.0, trainable=False, name="calls")
        self.untracked = types.SimpleNamespace(calls=calls)

    def call(self, x):
        self.untracked.calls.assign_add(1.0)
        return x + self.untracked.calls


@pytest.mark.parametrize("loop", LOOPS)
def test_loop_carries_untracked_variables_that_call_writes(loop):
    layer = SharedRecurrentBlock(Drift(), 3, **LOOPS[loop])
    for expected in (1 + 2 + 3, 4 + 5 + 6):
        close(array(layer(np.zeros((1, 1)))), [[expected]])


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX refuses unseeded random numbers"
)
@pytest.mark.parametrize("loop", LOOPS)
def test_loop_draws_other_unseeded_numbers_in_every_iteration(loop):
    noise = layers.Lambda(lambda x: x + keras.random.normal(x.shape))
    layer = SharedRecurrentBlock(noise, 3, return_sequences=True, **LOOPS[loop])
    states = np.concatenate([array(layer(np.zeros((1, 1))))[0, :, 0] for _ in "ab"])
    draws = np.diff(states, prepend=0)[[0, 1, 2, 4, 5]]
    assert len(np.unique(draws.round(4))) == 5
