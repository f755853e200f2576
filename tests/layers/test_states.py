"""Inputs and outputs of loops: injection, sequences, nested states."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import (
    LOOPS,
    Counting,
    GatedCell,
    Increment,
    dense,
    model_of,
    normal,
    train,
)
from keras import layers, ops, tree

from keras_recur.layers import SharedRecurrentBlock, TemplateBank

loops = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())


@loops
@pytest.mark.parametrize(
    ("injection", "channels"),
    [("add", None), ("add", 4), ("concat", None), ("concat", 3)],
)
def test_injection_shows_the_input_at_every_iteration(injection, channels, loop):
    x = normal(2, 4)
    other = None if channels is None else normal(2, channels, seed=1)
    block = dense(activation="linear", bias_initializer="ones")
    layer = SharedRecurrentBlock(block, 3, injection=injection, **loop)
    actual = array(layer(x) if other is None else layer(x, other))
    kernel, state = array(block.kernel), x
    shown = x if other is None else other
    for _ in range(3):
        join = {"add": np.add, "concat": lambda *x: np.concatenate(x, axis=-1)}
        state = join[injection](state, shown) @ kernel + 1
    close(actual, state)


def test_injection_has_a_gradient():
    def model():
        keras.utils.set_random_seed(3)
        x = keras.Input((4,))
        layer = SharedRecurrentBlock(dense(), 2, injection="concat")
        return layer, keras.Model(x, layer(x, injected=layers.Dense(3)(x)))

    (_, loop), (layer, same) = model(), model()
    stem = array(loop.layers[1].kernel)
    trained = train(loop)
    assert np.abs(array(loop.layers[1].kernel) - stem).max() > 1e-4
    layer.unroll = False
    close(trained, train(same))


@loops
@pytest.mark.parametrize("training", [False, True])
def test_return_sequences_is_a_prefix_of_longer_runs(loop, training):
    block = keras.Sequential([layers.Dense(4), layers.LayerNormalization()])
    layer, x = SharedRecurrentBlock(block, 4, **loop), normal(2, 4)
    states = array(layer(x, return_sequences=True, training=training))
    assert states.shape == (2, 4, 4)
    for s in range(1, 5):
        close(array(layer(x, iterations=s, training=training)), states[:, s - 1])
    longer = array(layer(x, iterations=6, return_sequences=True, training=training))
    close(longer[:, :4], states)


@loops
def test_return_sequences_is_a_prefix_in_groups(loop):
    layer = SharedRecurrentBlock(
        dense(), 4, sharing=[0, 1, 0, 1], return_sequences=True, **loop
    )
    x = normal(2, 4)
    states = array(layer(x))
    close(array(layer(x, iterations=3)), states[:, :3])
    close(array(layer(x, iterations=3, return_sequences=False)), states[:, 2])


def nested(kind, h, c):
    return {"tuple": (h, c), "list": [h, c], "dict": {"a": h, "b": c}}[kind]


@loops
@pytest.mark.parametrize("kind", ["tuple", "list", "dict"])
def test_loop_accepts_nested_states(kind, loop):
    cell, x = GatedCell(), nested(kind, normal(2, 4), normal(2, 4, seed=1))
    layer = SharedRecurrentBlock(cell, 3, **loop)
    states, last = layer(x, return_sequences=True), layer(x)
    state = x
    for t in range(3):
        state = cell(state)
        tree.map_structure(
            lambda s, now, t=t: close(array(s)[:, t], array(now)), states, state
        )
    tree.assert_same_structure(last, x)
    close(tree.map_structure(array, last), tree.map_structure(array, state))


@pytest.mark.parametrize("injection", ["add", "concat"])
def test_injection_applies_to_every_leaf_of_a_nest(injection):
    block = Twice(injection)
    layer = SharedRecurrentBlock(block, 2, injection=injection)
    x = {"a": normal(2, 4), "b": normal(2, 4, seed=1)}
    out = layer(x)
    for key, value in x.items():
        expected = 3 * value if injection == "add" else value
        close(array(out[key]), expected)


class Twice(layers.Layer):
    """Keep the sum, or the first half of a concatenation."""

    def __init__(self, injection):
        super().__init__()
        self.size = {"add": None, "concat": 4}[injection]

    def call(self, state):
        return {key: value[:, : self.size] for key, value in state.items()}


def nested_model(loop, **arguments):
    keras.utils.set_random_seed(1)
    x = keras.Input((4,))
    layer = SharedRecurrentBlock(GatedCell(), 3, **loop, **arguments)
    hidden, _ = layer((x, layers.Dense(4)(x)))
    return keras.Model(x, hidden)


@pytest.mark.parametrize(
    ("name", "sharing"),
    [
        ("rolled", "all"),
        ("remat", "all"),
        ("rolled+remat", [0, 1, 0]),
        ("rolled+remat", TemplateBank(2)),
    ],
)
def test_loop_kinds_train_nested_states_the_same(name, sharing, jit):
    loops = ({}, LOOPS[name])
    models = [nested_model(loop, sharing=sharing) for loop in loops]
    close(*[train(model, jit=jit, epochs=2) for model in models])


@loops
def test_loop_does_not_cast_integers_of_the_state(loop):
    layer = SharedRecurrentBlock(Counting(dtype="mixed_bfloat16"), 3, **loop)
    count = np.array([0, 2], "int32")
    out = layer({"count": count, "h": np.zeros((2, 4))})
    assert keras.backend.standardize_dtype(out["count"].dtype) == "int32"
    assert keras.backend.standardize_dtype(out["h"].dtype) == "bfloat16"
    assert array(out["count"]).tolist() == [3, 5]
    rows = array(layer.block.rows)
    expected = np.stack([rows[0:3].sum(0), rows[2:5].sum(0)])
    close(array(out["h"]), expected, 2e-2)


@loops
def test_loop_accepts_unknown_batch_and_sizes(loop):
    block = layers.Conv2D(3, 3, padding="same")
    layer = SharedRecurrentBlock(block, 2, return_sequences=True, **loop)
    model = model_of(layer, shape=(None, None, 3))
    assert model.output_shape == (None, 2, None, None, 3)
    for size, batch in [(4, 1), (6, 3)]:
        x = normal(batch, size, size, 3)
        close(model.predict(x, verbose=0)[:, 1], array(block(block(x))))


@loops
def test_loop_output_spec_equals_real_outputs(loop):
    x = (normal(2, 4), normal(2, 4))
    specs = tuple(keras.KerasTensor((None, 4)) for _ in x)
    for policy in ("float32", "mixed_bfloat16"):
        for arguments in ({}, {"return_sequences": True}, {"iterations": 5}):
            layer = SharedRecurrentBlock(GatedCell(dtype=policy), 2, **loop)
            symbolic, real = layer(specs, **arguments), layer(x, **arguments)
            for spec, value in zip(symbolic, real, strict=True):
                assert spec.shape[1:] == tuple(value.shape[1:])
                assert spec.dtype == keras.backend.standardize_dtype(value.dtype)


BAD_ARGUMENTS = [
    ({"iterations": 0}, "positive integer, 1 or more. Received: iterations=0"),
    ({"iterations": -2}, "Received: iterations=-2"),
    ({"iterations": 3.0}, r"Received: iterations=3\.0 .*mean `iterations=3`"),
    ({"iterations": 2.5}, r"Received: iterations=2\.5 \(of type float\)"),
    ({"iterations": True}, "Received: iterations=True"),
    ({"iterations": "3"}, "Received: iterations='3'"),
    ({"iterations": None}, "Received: iterations=None"),
    ({"sharing": "al"}, "Received: sharing='al'.*Did you mean 'all'"),
    ({"sharing": "nne"}, "Allowed: 'all', 'none'.*Did you mean 'none'"),
    ({"sharing": [0, 1]}, r"2 group ids, sharing=\[0, 1\], for iterations=3"),
    ({"sharing": [0, 0, 1, 1]}, "4 group ids"),
    ({"sharing": []}, "0 group ids"),
    ({"sharing": [0, 1, None]}, "a sequence of group ids, integers"),
    ({"sharing": ["a", "b", "c"]}, "a sequence of group ids, integers"),
    ({"sharing": [0.5, 1.5, 0.2]}, "a sequence of group ids, integers"),
    ({"sharing": [True, False, True]}, "a sequence of group ids, integers"),
    ({"sharing": 2}, "a sequence of group ids, integers"),
    ({"sharing": None}, "a sequence of group ids, integers"),
    ({"injection": "ad"}, "Received: injection='ad'.*Did you mean 'add'"),
    ({"injection": "concatenate"}, "Did you mean 'concat'"),
    ({"block": 3}, r"`block` must be a Keras layer.*\(of type int\)"),
    ({"block": layers.Dense}, "`block` must be a Keras layer"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS)
def test_loop_refuses_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SharedRecurrentBlock(**{"block": dense(), "iterations": 3, **arguments})


class Split(layers.Layer):
    def call(self, x):
        return x, x


KEEP = "must keep its state's structure, shape and dtype"
BAD_BLOCKS = [
    (lambda: dense(5), r"float32\(.*4\) into float32\(.*5\)"),
    (lambda: layers.Reshape((2, 2)), KEEP),
    (lambda: Split(), KEEP),
    (
        lambda: keras.Sequential(
            [dense(dtype="float32"), layers.Activation("relu", dtype="bfloat16")]
        ),
        None,
    ),
]


@loops
@pytest.mark.parametrize(("make", "message"), BAD_BLOCKS)
def test_loop_refuses_blocks_that_change_the_state(make, message, loop):
    layer = SharedRecurrentBlock(make(), 2, **loop)
    if message is None:  # The last layer decides the loop's dtype.
        assert keras.backend.standardize_dtype(layer(normal(2, 4)).dtype) == "bfloat16"
        return
    with pytest.raises(ValueError, match=message):
        layer(normal(2, 4))


@loops
def test_loop_refuses_blocks_of_another_dtype(loop):
    layer = SharedRecurrentBlock(dense(), 2, dtype="mixed_bfloat16", **loop)
    with pytest.raises(ValueError, match="bfloat16.*into float32.*dtype policy"):
        layer(normal(2, 4))


BAD_CALLS = [
    ({}, {"injected": normal(2, 4)}, "`injected` needs `injection='add'`"),
    ({"injection": "add"}, {"injected": normal(2, 3)}, r"float32\(2, 3\) for a state"),
    ({"injection": "concat"}, {"injected": normal(3, 3)}, "except for the last axis"),
    ({"injection": "concat"}, {"injected": normal(2, 2, 3)}, "`injected` must have"),
    ({"injection": "add"}, {"injected": [normal(2, 4)]}, "structure and shape"),
    ({"sharing": "none"}, {"iterations": 4}, "at most 3.*'none'.*iterations=4"),
    ({"sharing": [0, 1, 0]}, {"iterations": 9}, "there are no weights for more"),
    ({}, {"iterations": 0}, "positive integer"),
    ({}, {"iterations": 2.0}, "mean `iterations=2`"),
    ({}, {"iterations": False}, "iterations=False"),
    ({}, {"progressive": True, "return_sequences": True}, "cannot return a sequence"),
    ({"return_sequences": True}, {"progressive": True}, "cannot return a sequence"),
]


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize(("arguments", "call", "message"), BAD_CALLS)
def test_loop_refuses_invalid_calls(arguments, call, message, built):
    layer = SharedRecurrentBlock(dense(), 3, **arguments)
    if built:
        layer(normal(2, 4))
    with pytest.raises(ValueError, match=message):
        layer(normal(2, 4), **call)
    symbolic = {
        k: tree.map_structure(ops.convert_to_tensor, v) if k == "injected" else v
        for k, v in call.items()
    }
    with pytest.raises(ValueError, match=message):
        layer(keras.KerasTensor((2, 4)), **symbolic)


def test_loop_iterations_of_a_call_do_not_persist():
    layer = SharedRecurrentBlock(Increment(), 3)
    x = np.zeros((1, 1))
    counts = [float(array(layer(x, iterations=n))[0, 0]) for n in (None, 7, None)]
    assert counts == [3, 7, 3]


def test_loop_iterations_are_part_of_a_functional_graph(jit):
    layer = SharedRecurrentBlock(Increment(), 3)
    model = model_of(lambda x: layer(x, iterations=5), shape=(1,))
    model.compile(jit_compile=jit)
    assert model.predict(np.zeros((1, 1)), verbose=0) == 5
