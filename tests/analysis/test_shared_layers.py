"""Copies of models in which loops, graphs, heads and calls share one layer."""

import keras
import numpy as np
import pytest
from banked import model_of
from compare import array, close
from keras import layers

from keras_recur import analysis
from keras_recur.analysis._banks import rebuilt
from keras_recur.analysis._rebuilt_for import rebuilt_for
from keras_recur.layers import (
    Readout,
    RecurrentGraph,
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
    Transition,
)
from keras_recur.layers._walk import walk


def dense():
    return layers.Dense(4, activation="tanh")


def normalized():
    return keras.Sequential([dense(), TimeSpecificBatchNormalization()])


def loop(block):
    return SharedRecurrentBlock(block, 3)


def graph(layer):
    parts = [Transition("a", name, layer=layer) for name in "ab"]
    return RecurrentGraph({"a": (4,), "b": (4,)}, parts, 3)


# Parts of a model that share one layer.
MODELS = {
    "loops": (dense, lambda one: [loop(one), loop(one)]),
    "normalized loops": (normalized, lambda one: [loop(one), loop(one)]),
    "loop and call": (dense, lambda one: [loop(one), one]),
    "call and loop": (dense, lambda one: [one, loop(one), one]),
    "graphs": (dense, lambda one: [graph(one), graph(one)]),
    "graph and loop": (dense, lambda one: [graph(one), loop(one)]),
    "heads": (dense, lambda one: [Readout(one), loop(dense()), Readout(one), one]),
    "nested": (dense, lambda one: [loop(one), keras.Sequential([loop(one)])]),
}
# The last loop of these models has a template bank, unless the change refuses banks.
CHANGES = {
    "rebuilt": (TemplateBank(2), lambda model: rebuilt(model, lambda layer: None)),
    "rebuilt_for": ("all", lambda model: rebuilt_for(model, 3)),
    "fold": (TemplateBank(2), lambda model: analysis.fold(model, 1.0)),
    "bake": (TemplateBank(2), analysis.bake),
}


def shared_weights(model):
    """Return the number of weights of all layers but the last one."""
    return len({id(w) for layer in model.layers[:-1] for w in layer.weights})


@pytest.mark.parametrize(("sharing", "change"), CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize(("make", "parts"), MODELS.values(), ids=MODELS.keys())
def test_copies_share_the_same_layers(make, parts, sharing, change):
    shared = make()
    last = SharedRecurrentBlock(dense(), 3, sharing=sharing)
    model = model_of(*parts(shared), last)
    copy, x = change(model), np.random.default_rng(0).normal(size=(5, 4))
    close(array(copy(x)), array(model(x)), 1e-5)
    assert shared_weights(copy) == shared_weights(model)
    assert shared not in walk(copy)


def test_preferred_images_of_loops_that_share_a_block():
    block = layers.Conv2D(2, 3, padding="same", activation="tanh")
    head = keras.Sequential([layers.Flatten(), layers.Dense(2)])
    parts = [layers.Conv2D(2, 3, padding="same"), loop(block), loop(block)]
    model = model_of(*parts, Readout(head), shape=(6, 6, 1))
    images = np.random.default_rng(0).uniform(size=(4, 6, 6, 1)).astype("float32")
    settings = {"channels": [0], "steps": 2, "starts": 1, "copies": 1}
    found = analysis.preferred_images(model, images, **settings)
    assert found.images.shape == (1, 3, 6, 6, 1)
