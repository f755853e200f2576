"""Copies of models with user functions that cannot be saved by name."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recur import analysis
from keras_recur.analysis._banks import rebuilt
from keras_recur.analysis._rebuilt_for import rebuilt_for
from keras_recur.layers import Readout, SharedRecurrentBlock, TemplateBank


def halved(x):
    return ops.tanh(x) / 2


def model_of(sharing):
    keras.utils.set_random_seed(0)
    own = [layers.Dense(4, activation=halved), layers.Lambda(lambda x: 0.9 * x)]
    block = keras.Sequential([*own, layers.BatchNormalization()])
    inputs = keras.Input((4,))
    x = SharedRecurrentBlock(block, 3, sharing=sharing)(inputs)
    x = layers.Lambda(lambda x: x + 1)(x)
    return keras.Model(inputs, Readout(layers.Dense(3, activation=halved))(x))


CHANGES = {
    "bake": (TemplateBank(2), analysis.bake),
    "convert_to_template_bank": (
        "none",
        lambda model: analysis.convert_to_template_bank(model, 3).model,
    ),
    "fold": (TemplateBank(1), analysis.fold),
    "rebuilt_for": ("all", lambda model: rebuilt_for(model, 3)),
    "rebuilt": ([0, 1, 0], lambda model: rebuilt(model, lambda _: None)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_rebuilt_model_keeps_user_functions(name):
    sharing, change = CHANGES[name]
    model, x = model_of(sharing), np.random.default_rng(0).normal(size=(5, 4))
    found = ops.convert_to_numpy(change(model)(x))
    np.testing.assert_allclose(found, ops.convert_to_numpy(model(x)), 1e-4, 1e-5)
