"""Blocks on PyTorch are called without Keras's checks, with the same results."""

import keras
import numpy as np
import pytest
from keras import layers, ops, tree

from keras_recur import zoo
from keras_recur._keras import all_layers, get_keras_mask
from keras_recur.layers import LeakyUpdate, Readout, SharedRecurrentBlock
from keras_recur.layers._direct import DirectBlock
from keras_recur.layers._walk import loops_in

TORCH = keras.backend.backend() == "torch"


def residual():
    x = keras.Input((None, None, 4))
    y = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.BatchNormalization(momentum=0.5)(y)
    y = layers.Activation("relu")(y)
    return keras.Model(x, layers.Add()([x, ops.tanh(y)]))


def nested():
    x = keras.Input((None, None, 4))
    y = layers.Dropout(0.5, seed=3)(residual()(x))
    inner = keras.Sequential([layers.Dense(4, activation="tanh"), layers.Dense(4)])
    return keras.Model(x, LeakyUpdate()([x[..., :4], inner(y)]))


def sequential():
    return keras.Sequential([layers.Conv2D(4, 3, padding="same"), residual()])


def always_training():
    x = keras.Input((None, None, 4))
    y = layers.BatchNormalization(momentum=0.5)(x, training=True)
    return keras.Model(x, residual()(y, training=True))


BLOCKS = {
    "residual": residual,
    "nested": nested,
    "sequential": sequential,
    "always training": always_training,
}
CALLS = layers.Layer.__call__


@pytest.fixture
def counted(monkeypatch):
    """The layers that Keras calls with its checks."""
    called = []

    def call(self, *args, **kwargs):
        called.append(self)
        return CALLS(self, *args, **kwargs)

    monkeypatch.setattr(layers.Layer, "__call__", call)
    return called


def built(make, x):
    keras.utils.set_random_seed(1)
    block = make()
    block(x)
    return block


def images():
    return np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype("float32")


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (a, b)))


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("training", [None, False, True])
def test_direct_block_computes_the_same(name, training):
    x = ops.convert_to_tensor(images())
    plain, other = (built(BLOCKS[name], x) for _ in range(2))
    direct = DirectBlock(other)
    same([direct(x, training=training)], [plain(x, training=training)])
    same(other.variables, plain.variables)


@pytest.mark.parametrize("name", BLOCKS)
def test_loop_calls_its_layers_directly_on_pytorch(name, counted):
    x = ops.convert_to_tensor(images())
    loop = SharedRecurrentBlock(built(BLOCKS[name], x), iterations=5)
    loop(x)
    counted.clear()
    loop(x)
    assert (counted == [loop]) == TORCH
    assert loop in counted


@pytest.mark.parametrize(
    "family", ["deep_thinking_1d", "deep_thinking_2d", "resnet_bn", "frnn", "mlp"]
)
def test_networks_of_the_zoo_are_called_directly(family, counted):
    model = zoo.build(family, width=8, iterations=3).recurrent
    x = np.zeros((1, *(size or 8 for size in model.input_shape[1:])), "float32")
    model(x)
    counted.clear()
    model(x)
    inside = {id(b) for loop in loops_in(model) for b in all_layers(loop)[1:]}
    assert inside and TORCH != any(id(layer) in inside for layer in counted)


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


def with_own_layer():
    return keras.Sequential([layers.Dense(4), Doubled()])


def with_regularizer():
    return keras.Sequential([layers.Dense(4, activity_regularizer="l2")])


def mixed():
    return keras.Sequential([layers.Dense(4, dtype="mixed_bfloat16")])


@pytest.mark.parametrize("make", [with_own_layer, with_regularizer, mixed])
def test_other_blocks_are_called_as_keras_does(make, counted):
    x = ops.convert_to_tensor(images())
    block = built(make, x)
    direct = DirectBlock(block)
    counted.clear()
    direct(x)
    assert counted[0] is block
    assert len(block.losses) == (make is with_regularizer)


def test_masks_reach_the_layers():
    block = built(lambda: layers.Dense(4), ops.ones((1, 2, 4)))
    x = layers.Masking()(ops.convert_to_tensor([[[1.0] * 4, [0.0] * 4]]))
    same([get_keras_mask(DirectBlock(block)(x))], [[[True, False]]])


def test_inputs_of_another_dtype_are_cast():
    x = ops.cast(images(), "bfloat16")
    block = built(sequential, images())
    same([DirectBlock(block)(x)], [block(x)])


def listed():
    z, a = keras.Input((4,), name="z"), keras.Input((4,), name="a")
    changed = layers.Dense(4)(layers.Add()([a, z]))
    return keras.Model([z, a], {"z": layers.Dense(4)(z), "a": changed})


def calls_by_name():
    state = {name: keras.Input((4,), name=name) for name in "za"}
    return keras.Model(state, listed()(state))


def one_channel():
    x = keras.Input((4, 1))
    return keras.Model(x, layers.Conv1D(2, 3)(x))


def without_channels():
    x = keras.Input((4,))
    return keras.Model(x, layers.LayerNormalization()(x))


def half_precision():
    x = keras.Input((4,), dtype="float16")
    return keras.Model(x, layers.Dense(2)(x))


def rows(*shape):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")


def named():
    return {"z": rows(4), "a": rows(4) + 1}


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (listed, named()),
        (listed, {"extra": rows(3), **named()}),
        (calls_by_name, named()),
        (one_channel, rows(4)),
        (without_channels, rows(4, 1)),
        (half_precision, rows(4)),
    ],
)
def test_functional_receives_inputs_as_in_keras(make, x):
    head, x = make(), tree.map_structure(ops.convert_to_tensor, x)
    same(tree.flatten(Readout(head)(x)), tree.flatten(head(x)))


def test_functional_block_with_listed_inputs_takes_its_state_by_name():
    block, state = listed(), named()
    loop = SharedRecurrentBlock(block, iterations=2)
    same(tree.flatten(loop(state)), tree.flatten(block(block(state))))


def test_changes_after_the_first_call_count(counted):
    x = ops.convert_to_tensor(images())
    block = built(lambda: keras.Sequential([layers.Dense(4)]), x)
    direct = DirectBlock(block)
    dense = block.layers[0]
    dense.activity_regularizer = keras.regularizers.L2(1.0)
    direct(x)
    assert len(block.losses) == 1
    dense.activity_regularizer = None
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(np.ones((2, 4)))
    same([direct(x)], [block(x)])
    dense.quantize("int8")
    counted.clear()
    same([direct(x)], [block(x)])
    assert counted.count(block) == 2


@pytest.mark.skipif(not TORCH, reason="hooks of PyTorch")
@pytest.mark.parametrize(
    "register", ["register_forward_hook", "register_forward_pre_hook"]
)
def test_hooks_are_called(register):
    x = ops.convert_to_tensor(images())
    block = built(sequential, x)
    direct, seen = DirectBlock(block), []
    hook = getattr(block.layers[0], register)(lambda *args: seen.append(1))
    direct(x)
    assert seen == [1]
    hook.remove()
    direct(x)
    assert seen == [1]


def test_readout_calls_its_head_directly_on_pytorch(counted):
    head = Readout(keras.Sequential([layers.Dense(3), layers.Dense(2)]))
    x = ops.convert_to_tensor(images())
    head(x)
    counted.clear()
    head(x)
    assert (counted == [head]) == TORCH
