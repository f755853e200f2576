"""A head on the last state, or on the state after every iteration."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import model_of, normal, train
from keras import layers

from keras_recur.layers import Readout, SharedRecurrentBlock

HEADS = {
    "dense": (lambda: layers.Dense(3), (4,)),
    "pooled": (
        lambda: keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(3)]),
        (2, 5, 4),
    ),
    "spatial": (lambda: layers.Conv2D(3, 3, padding="same"), (2, 5, 4)),
}
heads = pytest.mark.parametrize(("make", "shape"), HEADS.values(), ids=HEADS.keys())


@heads
def test_readout_all_applies_the_head_to_every_iteration(make, shape):
    head, states = make(), normal(2, 6, *shape)
    out = array(Readout(head, readout="all")(states))
    for t in range(6):
        close(out[:, t], array(head(states[:, t])))


@heads
def test_readout_last_applies_the_head(make, shape):
    head, state = make(), normal(2, *shape)
    close(array(Readout(head)(state)), array(head(state)))


@heads
@pytest.mark.parametrize("readout", ["last", "all"])
def test_readout_can_be_chosen_by_the_call(make, shape, readout):
    layer = Readout(make(), readout=readout)
    states = normal(2, 6, *shape)
    layer(states if readout == "all" else states[:, -1])
    every, last = layer(states, readout="all"), layer(states[:, -1], readout="last")
    close(array(every)[:, -1], array(last))


@heads
@pytest.mark.parametrize("readout", ["last", "all"])
def test_readout_can_be_chosen_by_the_first_call(make, shape, readout):
    layer = Readout(make(), readout={"last": "all", "all": "last"}[readout])
    states = normal(2, 6, *shape)
    out = layer(states if readout == "all" else states[:, -1], readout=readout)
    assert out.shape[-1] == 3


def test_readout_accepts_unknown_batch_and_sizes(jit):
    head = layers.Conv2D(3, 1)
    model = model_of(Readout(head, "all"), shape=(6, None, None, 4))
    assert model.output_shape == (None, 6, None, None, 3)
    model.compile(jit_compile=jit)
    for batch, size in [(1, 2), (3, 4)]:
        x = normal(batch, 6, size, size, 4)
        assert model.predict(x, verbose=0).shape == (batch, 6, size, size, 3)


def test_readout_trains_after_a_loop():
    for readout in ("last", "all"):
        loop = SharedRecurrentBlock(
            layers.Dense(4), 3, return_sequences=readout == "all"
        )
        model = model_of(loop, Readout(layers.Dense(2), readout))
        loss = train(model, epochs=3)["loss"]
        assert loss[-1] < loss[0]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_readout_uses_the_dtype_of_its_head(policy):
    layer = Readout(layers.Dense(3, dtype=policy), readout="all")
    symbolic, real = layer(keras.KerasTensor((None, 2, 4))), layer(normal(1, 2, 4))
    assert symbolic.dtype == keras.backend.standardize_dtype(real.dtype)
    assert symbolic.dtype == layer.head.compute_dtype


def test_readout_passes_training_to_the_head():
    layer = Readout(layers.Dropout(0.5), readout="all")
    x = np.ones((1, 2, 64), "float32")
    assert (array(layer(x, training=True)) == 0).any()
    assert (array(layer(x, training=False)) == 1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"readout": "al"}, "readout='al'.*Did you mean 'all'"),
        ({"readout": None}, "readout=None.*Allowed: 'last', 'all'"),
        ({"head": "dense"}, r"`head` must be a Keras layer.*\(of type str\)"),
    ],
)
def test_readout_refuses_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Readout(**{"head": layers.Dense(1), **arguments})
    if "head" not in arguments and arguments["readout"]:
        with pytest.raises(ValueError, match=message):
            Readout(layers.Dense(1))(normal(1, 1), **arguments)
