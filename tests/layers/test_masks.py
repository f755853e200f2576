"""Masks of padding: every kind of loop equals calls of its block by hand."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import LOOPS, AddMean, NewMask, dense, model_of, normal, registered, train
from keras import layers, ops

from keras_recur.layers import (
    Readout,
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
)

# Keras says so of every Sequential and Functional, though their layers pass masks on.
pytestmark = pytest.mark.filterwarnings("ignore:Layer '(sequential|functional)")

SHARINGS = {
    "all": "all",
    "groups": [0, 1, 0],
    "none": "none",
    "bank": TemplateBank(2),
}
X = normal(3, 5, 4)
X[0, 3:] = X[2, 1:] = 0.0
MASK = (X != 0).any(-1)


@pytest.fixture(params=SHARINGS)
def sharing(request):
    return SHARINGS[request.param]


def block(extra=(), **arguments):
    keras.utils.set_random_seed(1)
    return keras.Sequential([AddMean(), dense(**arguments), *extra])


def head():
    return keras.Sequential([layers.GlobalAveragePooling1D(), layers.Dense(2)])


def blocks_of(loop):
    """Yield the block of every iteration, with the weights of that iteration."""
    values = loop.weight_sharing.values() if loop.banks else [None] * loop.iterations
    for t in range(loop.iterations):
        found = loop.block_of(t)
        if loop.banks:
            found.set_weights(values[t])
        yield found


def by_hand(loop, x=X, mask=MASK):
    """Return states and masks after every iteration, from calls of the block."""
    state, states, masks = x, [], []
    for step in blocks_of(loop):
        shown = state
        if loop.injection == "add":
            shown = state + x
        elif loop.injection == "concat":
            shown = np.concatenate([state, x], axis=-1)
        out = step(ops.convert_to_tensor(shown), mask=mask)
        mask, state = mask_of(out), array(out)
        states.append(state)
        masks.append(mask)
    return states, masks


def mask_of(x):
    mask = keras.src.backend.get_keras_mask(x)
    return None if mask is None else array(mask)


def seen(loop, **arguments):
    """Call a loop alone and in a model, with the mask passed in both ways."""
    alone = loop(X, mask=MASK, **arguments)
    inputs = keras.Input((None, 4))
    outputs = loop(layers.Masking()(inputs), **arguments)
    model = keras.Model(inputs, [outputs, Mask()(outputs)])
    return (array(alone), mask_of(alone)), tuple(map(array, model(X)))


@registered
class Mask(layers.Layer):
    def compute_mask(self, inputs, previous_mask):
        return None

    def call(self, x, mask=None):
        return ops.ones_like(x[..., 0], "bool") if mask is None else mask


@pytest.mark.parametrize("injection", [None, "add", "concat"])
@pytest.mark.parametrize("way", LOOPS)
def test_loop_masks_equal_those_of_block_by_block_calls(way, sharing, injection):
    loop = SharedRecurrentBlock(block(), 3, sharing, injection, **LOOPS[way])
    loop(X)
    states, masks = by_hand(loop)
    close(masks[-1], MASK)
    for state, mask in seen(loop):
        close(state, states[-1], 1e-4)
        close(mask, MASK)
    for state, mask in seen(loop, return_sequences=True):
        close(state, np.stack(states, 1), 1e-4)
        close(mask, np.stack(masks, 1))
    assert np.abs(array(loop(X)) - states[-1]).max() > 1e-3  # The mask counts.


@pytest.mark.parametrize("stops", [True, False], ids=["stopped", "changed"])
@pytest.mark.parametrize("way", LOOPS)
def test_loop_lets_its_block_change_or_stop_the_mask(way, stops, sharing):
    loop = SharedRecurrentBlock(block([NewMask(stops)]), 3, sharing, **LOOPS[way])
    loop(X)
    states, masks = by_hand(loop)
    masks = [np.ones_like(MASK) if m is None else m for m in masks]
    for state, mask in seen(loop):
        close(state, states[-1], 1e-4)
        close(masks[-1] if mask is None else mask, masks[-1])
    for state, mask in seen(loop, return_sequences=True):
        close(state, np.stack(states, 1), 1e-4)
        stacked = np.stack(masks, 1)
        close(stacked if mask is None else mask, stacked)


@pytest.mark.parametrize("way", LOOPS)
def test_loop_lets_its_block_create_the_mask(way):
    loop = SharedRecurrentBlock(block([NewMask()]), 3, **LOOPS[way])
    states, masks = by_hand(loop, mask=None) if loop(X) is not None else None
    found = loop(X)
    close(array(found), states[-1], 1e-4)
    close(mask_of(found), masks[-1])


@pytest.mark.parametrize("sharing_", ["all", "bank"])
def test_progressive_training_uses_the_mask(sharing_):
    """With one iteration a progressive call always computes its gradient."""
    found = {}
    for progressive in (False, True):
        loop = SharedRecurrentBlock(block(), 1, SHARINGS[sharing_], seed=0)
        loop(X)
        out = loop(X, mask=MASK, progressive=progressive, training=True)
        found[progressive] = array(out), mask_of(out)
    close(*found.values(), 1e-5)
    longer = SharedRecurrentBlock(block([NewMask(stops=True)]), 4, seed=0)
    x = X.copy()
    x[~MASK] = 100.0  # Whatever is drawn: one iteration at least leaves padding out.
    model = model_of(
        layers.Lambda(lambda x: 1.0 * x, output_shape=(5, 4)), longer, shape=(5, 4)
    )
    assert model(x).shape == x.shape
    out = longer(x, mask=MASK, progressive=True, training=True)
    assert mask_of(out).shape == MASK.shape


@pytest.mark.parametrize("jit", [False, "auto"])
@pytest.mark.parametrize("way", LOOPS)
def test_loop_kinds_train_the_same_with_masks(way, jit):
    """Compare losses and weights with padding, dropout and both normalizations."""

    def trained(way):
        norms = [layers.BatchNormalization(), TimeSpecificBatchNormalization()]
        loop = SharedRecurrentBlock(block(norms), 3, **LOOPS[way])
        model = model_of(layers.Masking(), loop, Readout(head()), shape=(None, 4))
        x = np.concatenate([X, X + 1.0 * MASK[..., None]])
        return train(model, x, jit=jit, epochs=2)

    close(trained(way), trained("unrolled"), 1e-4)


@pytest.mark.parametrize("way", LOOPS)
def test_loop_keeps_the_mask_of_each_tensor_of_a_nest(way):
    @registered
    class Both(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True
            self.add = AddMean()

        def build(self, shape):
            pass

        def call(self, state, mask=None):
            masks = mask or {"a": None, "b": None}
            return {k: self.add(state[k], mask=masks[k]) for k in ("a", "b")}

    loop = SharedRecurrentBlock(Both(), 2, **LOOPS[way])
    out = loop({"a": X, "b": X}, mask={"a": MASK, "b": None})
    expected = AddMean()(AddMean()(X, mask=MASK), mask=MASK)
    close(array(out["a"]), array(expected), 1e-5)
    close(array(out["b"]), array(AddMean()(AddMean()(X))), 1e-5)
    close(mask_of(out["a"]), MASK)
    assert mask_of(out["b"]) is None


def test_readout_masks_every_iteration():
    loop = SharedRecurrentBlock(block([NewMask()]), 3, return_sequences=True)
    pooled, every = Readout(head()), loop(X, mask=MASK)
    states, masks = by_hand(loop)
    pooled(X)
    found = array(pooled(every, readout="all"))
    for t, (state, mask) in enumerate(zip(states, masks, strict=True)):
        close(found[:, t], array(pooled(ops.convert_to_tensor(state), mask=mask)), 1e-5)
    spatial = Readout(layers.Dense(2), "all")(every)
    close(mask_of(spatial), np.stack(masks, 1))


def test_loop_refuses_masks_of_another_structure():
    with pytest.raises(ValueError, match="`mask` must have the state's structure"):
        SharedRecurrentBlock(block(), 2)(X, mask=[MASK, MASK])


def test_loop_adds_no_layer_without_a_mask():
    model = model_of(SharedRecurrentBlock(block(), 2), Readout(head()), shape=(5, 4))
    assert len(model.layers) == 3


def test_model_file_keeps_masks(tmp_path):
    loop = SharedRecurrentBlock(block(), 3, return_sequences=True)
    model = model_of(layers.Masking(), loop, Readout(head(), "all"), shape=(None, 4))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    close(array(loaded(X)), array(model(X)), 1e-6)


def test_readout_masks_nested_answers():
    state = keras.Input((4,))
    answers = {"kind": layers.Dense(2)(state), "color": layers.Dense(3)(state)}
    every = model_of(
        SharedRecurrentBlock(dense(), 3, return_sequences=True),
        Readout(keras.Model(state, answers), "all"),
    )
    found = every(normal(2, 4))
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "kind": (2, 3, 2),
        "color": (2, 3, 3),
    }
