"""Runs in parts, and the running iteration."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import LOOPS, normal, registered
from keras import layers, ops

from keras_recur.layers import (
    EveryNthIteration,
    LeakyUpdate,
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
    ZeroState,
    current_iteration,
)

SHARINGS = {"all": "all", "none": "none", "groups": [0, 1, 0], "bank": TemplateBank(2)}
sharings = pytest.mark.parametrize("sharing", SHARINGS)
loops = pytest.mark.parametrize("loop", LOOPS)


@registered
class AddNumber(layers.Layer):
    """Add 10 to the power of the iteration's number, so that sums show the run."""

    def call(self, x):
        number = ops.cast(current_iteration().number, x.dtype)
        return x + 10.0**number


def counted(**arguments):
    block = keras.Sequential(
        [layers.Dense(2, use_bias=False, kernel_initializer="identity"), AddNumber()]
    )
    return SharedRecurrentBlock(block, 3, **arguments)


@loops
@pytest.mark.parametrize("sharing", ["all", "none", "groups"])
def test_current_iteration_counts_iterations_of_the_loop(sharing, loop):
    whole = counted(sharing=SHARINGS[sharing], **LOOPS[loop])
    x = np.zeros((2, 2))
    close(array(whole(x, training=True)), 111.0)
    close(array(whole(x, iterations=2, start=1)), 110.0)


def test_current_iteration_counts_in_progressive_calls():
    keras.utils.set_random_seed(0)
    loop = counted(sharing=[0, 1, 0])
    x = np.zeros((1, 2))
    found = [array(loop(x, progressive=True, training=True)) for _ in range(20)]
    assert {float(values[0, 0]) for values in found} == {1.0, 11.0, 111.0}


def varied(sharing, **arguments):
    """Return a loop in which every iteration differs."""
    keras.utils.set_random_seed(2)
    stages = [
        layers.Dense(4),
        TimeSpecificBatchNormalization(affine="per_iteration"),
        layers.Activation("tanh"),
        AddNumber(),
    ]
    loop = SharedRecurrentBlock(
        keras.Sequential(stages), 3, SHARINGS[sharing], injection="add", **arguments
    )
    x = normal(4, 4)
    loop(x)
    rng = np.random.default_rng(3)
    for weight in loop.weights:
        if "normalization" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return loop, x


@sharings
@loops
def test_start_continues_a_run_in_parts(sharing, loop):
    loop, x = varied(sharing, **LOOPS[loop])
    every = array(loop(x, return_sequences=True))
    first = loop(x, iterations=1)
    close(array(first), every[:, 0])
    rest = loop(first, injected=x, start=1, return_sequences=True)
    assert rest.shape == (4, 2, 4)
    close(array(rest), every[:, 1:])
    close(array(loop(first, injected=x, start=1, iterations=1)), every[:, 1])


@loops
def test_start_can_be_a_tensor_with_shared_weights(loop):
    loop, x = varied("all", **LOOPS[loop])
    every = array(loop(x, iterations=6, return_sequences=True))
    start = ops.convert_to_tensor(2, "int32")
    rest = loop(every[:, 1], injected=x, start=start, iterations=4)
    close(array(rest), every[:, -1])


def test_start_refuses_invalid_values():
    loop, x = varied("none")
    with pytest.raises(ValueError, match="0 or more. Received: start=-1"):
        loop(x, injected=x, start=-1)
    with pytest.raises(ValueError, match="at most 3 here.*iterations=2, start=2"):
        loop(x, injected=x, start=2, iterations=2)
    with pytest.raises(ValueError, match="first input as .injected.*no `injected`"):
        loop(x, start=1)
    with pytest.raises(ValueError, match="cannot be progressive.*progressive=True"):
        loop(x, injected=x, start=1, progressive=True)
    with pytest.raises(ValueError, match="share their weights.*Give an integer"):
        loop(x, injected=x, start=ops.convert_to_tensor(1), iterations=1)


@loops
@pytest.mark.parametrize("sharing", ["all", "none"])
def test_every_nth_iteration_selects_by_iteration(sharing, loop):
    state = keras.Input((1,))
    added = layers.Rescaling(1.0, offset=1.0)(state)
    block = keras.Model(state, EveryNthIteration(3)([state, added]))
    run = SharedRecurrentBlock(block, 7, sharing, return_sequences=True, **LOOPS[loop])
    found = array(run(np.zeros((1, 1))))[0, :, 0]
    np.testing.assert_array_equal(found, [1, 1, 1, 2, 2, 2, 3])


def test_every_nth_iteration_returns_the_second_input_outside_of_a_loop():
    layer = EveryNthIteration(2)
    assert float(layer([np.zeros((1, 1)), np.ones((1, 1))])[0, 0]) == 1
    again = EveryNthIteration.from_config(layer.get_config())
    assert again.n == 2


def test_every_nth_iteration_refuses_invalid_values():
    with pytest.raises(ValueError, match="`n` must be.*Received: n=0"):
        EveryNthIteration(0)
    with pytest.raises(ValueError, match="two inputs of one shape.*3, 2"):
        EveryNthIteration(2)([keras.Input((2,)), keras.Input((3, 2))])
    with pytest.raises(ValueError, match="two inputs of one shape"):
        EveryNthIteration(2)(keras.Input((2,)))


def test_zero_state_returns_zeros_of_its_shape():
    x = keras.Input((8, 8, 3))
    model = keras.Model(x, ZeroState((4, 4, 2), dtype="bfloat16")(x))
    assert model.output.shape == (None, 4, 4, 2)
    again = type(model).from_config(model.get_config())
    for batch in (1, 3):
        found = again(np.ones((batch, 8, 8, 3)))
        assert found.shape == (batch, 4, 4, 2) and "bfloat16" in str(found.dtype)
        assert not array(found).any()
    with pytest.raises(ValueError, match="`shape` must be.*Received: shape=0"):
        ZeroState((4, 0))


def test_leaky_update_moves_each_channel_part_of_the_way():
    state, update = normal(2, 5, 3), normal(2, 5, 3, seed=1)
    layer = LeakyUpdate()
    close(array(layer([state, update])), (state + update) / 2)
    assert layer.leak.shape == (3,) and layer.leak.trainable
    layer.leak.assign([-100.0, 0.0, 100.0])
    found = array(layer([state, update]))
    close(found[..., 0], state[..., 0])
    close(found[..., 1], (state + update)[..., 1] / 2)
    close(found[..., 2], update[..., 2])


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_leaky_update_accepts_any_rank_and_is_serialized(rank, tmp_path):
    shape = (*[2] * (rank - 2), 3)
    inputs = [keras.Input(shape), keras.Input(shape)]
    layer = LeakyUpdate(keras.initializers.Constant(1.5), dtype="mixed_bfloat16")
    model = keras.Model(inputs, layer(inputs))
    assert model.output.shape == (None, *shape) and model.output.dtype == "bfloat16"
    assert layer.leak.dtype == "float32"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[-1].leak_initializer.value == 1.5
    x = [normal(4, *shape), normal(4, *shape, seed=1)]
    expected = x[0] + (x[1] - x[0]) / (1 + np.exp(-1.5))
    assert np.max(np.abs(array(loaded(x)).astype("float32") - expected)) < 0.1
    np.testing.assert_array_equal(array(loaded(x)), array(model(x)))


def test_leaky_update_passes_on_the_mask():
    x = keras.Input((4, 3))
    masked = layers.Masking()(x)
    dense = layers.Dense(3)(x)
    for pair in ([masked, dense], [dense, masked], [masked, masked]):
        model = keras.Model(x, layers.LSTM(2)(LeakyUpdate()(pair)))
        seen = normal(2, 4, 3)
        seen[:, 2:] = 0
        longer = np.concatenate([seen, np.zeros((2, 4, 3), "float32")], 1)
        again = keras.models.clone_model(model, input_tensors=keras.Input((8, 3)))
        again.set_weights(model.get_weights())
        close(array(again(longer)), array(model(seen)))


def test_leaky_update_refuses_invalid_values():
    with pytest.raises(ValueError, match="`leak_initializer`.*'zero_s'"):
        LeakyUpdate("zero_s")
    for shapes in ([(2, 3), (2, 4)], [(4,), (2, 4)], [(2, 4)] * 3, [(None,)] * 2):
        with pytest.raises(ValueError, match="list of two inputs.*Received: shapes"):
            LeakyUpdate()([keras.Input(shape) for shape in shapes])
    with pytest.raises(ValueError, match="list of two inputs"):
        LeakyUpdate()(keras.Input((2,)))
