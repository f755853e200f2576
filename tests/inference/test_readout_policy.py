"""Readout policies, against arithmetic on all logits at once."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import normal

from keras_recur import inference, zoo
from keras_recur.inference import ReadoutPolicy, confidence
from keras_recur.inference.readout_policy import POLICIES

LOGITS = normal(4, 5, 3, 2, seed=7)
EXPECTED = {
    "last": LOGITS[:, -1],
    "at": LOGITS[:, 1],
    "mean": LOGITS.mean(axis=1),
    "cumulative": np.cumsum(LOGITS, axis=1) / np.arange(1, 6)[None, :, None, None],
    "learned": LOGITS.mean(axis=1),
}


def policy_of(name, **arguments):
    return ReadoutPolicy(name, 2 if name == "at" else None, **arguments)


@pytest.mark.parametrize("name", EXPECTED)
def test_policies(name):
    layer = policy_of(name)
    found = layer(LOGITS)
    close(array(found), EXPECTED[name])
    assert layer.compute_output_shape(LOGITS.shape) == tuple(found.shape)
    again = ReadoutPolicy.from_config(layer.get_config())
    close(array(again(LOGITS)), EXPECTED[name])


@pytest.mark.parametrize("reduction", ["min", "mean"])
def test_the_most_confident_iteration_of_every_example(reduction):
    e = np.exp(LOGITS)
    likely = (e / e.sum(-1, keepdims=True)).max(-1)
    sure = getattr(likely, reduction)(axis=-1)
    close(array(confidence(LOGITS, reduction, batch_axes=2)), sure)
    chosen = sure.argmax(axis=1)
    assert len(set(chosen)) > 1
    layer = policy_of("confident", reduction=reduction)
    close(array(layer(LOGITS)), LOGITS[np.arange(4), chosen])
    close(array(confidence(LOGITS[:, 0], reduction)), sure[:, 0])


def test_learned_weights_find_the_iteration_that_is_right():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 64)
    logits = rng.normal(size=(64, 4, 2)).astype("float32")
    logits[np.arange(64), 2, y] += 4.0
    x = keras.Input((4, 2))
    layer = ReadoutPolicy("learned")
    model = keras.Model(x, layer(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.2), loss)
    model.fit(logits, y, batch_size=64, epochs=30, verbose=0)
    weights = np.exp(array(layer.logits))
    assert weights.argmax() == 2 and weights[2] / weights.sum() > 0.5


def test_a_model_with_a_policy(tmp_path):
    pair = zoo.build("deep_thinking_1d", width=4, iterations=3, seed=0)
    x = normal(2, 6, 1)
    every = array(inference.with_iterations(pair.recurrent, 5, readout="all")(x))
    for name in POLICIES:
        arguments = {"iteration": 2} if name == "at" else {}
        model = inference.with_readout_policy(pair.recurrent, name, 5, **arguments)
        expected = array(policy_of(name)(every))
        close(array(model(x)), expected)
        model.save(tmp_path / f"{name}.keras")
        again = keras.models.load_model(tmp_path / f"{name}.keras")
        close(array(again(x)), expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReadoutPolicy("first"), "`policy`.*Received: policy='first'"),
        (lambda: ReadoutPolicy("at"), "required by policy='at'.*iteration=None"),
        (lambda: ReadoutPolicy("mean", 2), "required by policy='at'.*iteration=2"),
        (lambda: ReadoutPolicy("at", 0), "`iteration` must be.*iteration=0"),
        (lambda: ReadoutPolicy("at", 6)(LOGITS), "at most 5 here.*iteration=6"),
        (lambda: ReadoutPolicy()(LOGITS[:, 0, 0]), "answers of all iterations.*reado"),
        (lambda: ReadoutPolicy(reduction="max"), "`reduction`.*'max'"),
        (lambda: confidence(LOGITS, "median"), "`reduction`.*'median'"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
