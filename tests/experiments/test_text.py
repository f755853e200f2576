"""Bits per character, sampled text, and a GRU of equal size."""

import math

import keras
import numpy as np
import pytest

from keras_recur import data
from keras_recur.experiments import TextExperiment
from keras_recur.experiments.sample_text import sample_text
from keras_recur.experiments.text import bits_by_position
from keras_recur.experiments.text_networks import gru_units
from keras_recur.zoo.costs import trainable_parameters


@pytest.mark.parametrize("width", [16, 128])
def test_gru_has_about_as_many_parameters(width):
    experiment = TextExperiment(model={"width": width}, length=4)
    graph, gru = (
        trainable_parameters(experiment.network(n, 0)) for n in experiment.networks
    )
    units = experiment.network("gru", 0).get_layer("gru").units
    assert units == gru_units(graph, 97, width)
    # A unit more or less is further away.
    for other in (units - 1, units + 1):
        weights = 97 * width + 3 * other * (width + other + 2) + (other + 1) * 97
        assert abs(weights - graph) > abs(gru - graph)


def constant(logits, window=4):
    """A model that predicts the same whatever it sees."""
    inputs = keras.Input((window,), dtype="int32")
    embedded = keras.layers.Embedding(97, 97, embeddings_initializer="zeros")(inputs)
    bias = keras.initializers.Constant(0)
    dense = keras.layers.Dense(97, bias_initializer=bias)
    model = keras.Model(inputs, dense(embedded))
    dense.bias.assign(logits)
    return model


def test_uniform_model_needs_log2_of_the_alphabet():
    bits = bits_by_position(constant(np.zeros(97)), 4)
    np.testing.assert_allclose(bits, [math.log2(97)] * 4, rtol=1e-5)


def test_bits_by_position_scores_the_test_text():
    logits = np.random.default_rng(0).normal(size=97)
    shares = np.exp(logits) / np.exp(logits).sum()
    _, y = data.python_docs(size=4, split="test")
    expected = -np.log2(shares[y]).mean(axis=0)
    found = bits_by_position(constant(logits), 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_sample_text_follows_the_prediction():
    logits = np.full(97, -50.0)
    a, b = data.encode_text("ab")
    logits[a], logits[b] = 2.0, 1.0
    model = constant(logits)
    assert sample_text(model, "x", 5, temperature=0) == "xaaaaa"
    text = sample_text(model, "x", 400, seed=1)
    assert set(text) == set("xab")
    assert abs(text.count("a") / 400 - math.e / (1 + math.e)) < 0.1
    assert text == sample_text(model, "x", 400, seed=1) != sample_text(model, "x", 400)
    colder = sample_text(model, "x", 400, temperature=0.3, seed=1)
    assert colder.count("a") > text.count("a")


def test_sample_text_reads_the_last_characters():
    """A model that repeats what it saw three characters ago."""
    inputs = keras.Input((4,), dtype="int32")
    onehot = keras.layers.Embedding(97, 97, embeddings_initializer="identity")(inputs)
    earlier = keras.layers.ZeroPadding1D((2, 0))(
        keras.layers.Cropping1D((0, 2))(onehot)
    )
    model = keras.Model(inputs, keras.layers.Rescaling(100.0)(earlier))
    assert sample_text(model, "abc", 7, temperature=0) == "abcabcabca"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "at least one character"),
        ({"temperature": -1}, "temperature.*0 or more"),
        ({"temperature": math.inf}, "temperature.*inf"),
        ({"length": 0}, "length.*positive integer"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_text(constant(np.zeros(97)), **arguments)


def test_sample_text_refuses_another_model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(97)])
    with pytest.raises(ValueError, match="frnn_text with readout='all'"):
        sample_text(model)
