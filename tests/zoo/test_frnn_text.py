"""Test the network for text: causality, counts and statistics of its first steps."""

import keras
import numpy as np
import pytest
from compare import array, output

from keras_recur import inference, zoo
from keras_recur.analysis import update_batch_norm

GRAPHS = [(2, "full"), (3, "full"), (2, "adjacent"), (3, "adjacent")]
graphs = pytest.mark.parametrize(("states", "graph"), GRAPHS)
LENGTH, WIDTH, LETTERS = 4, 6, 4


def build(**arguments):
    sizes = {"input_shape": (LENGTH,), "width": WIDTH, "num_classes": LETTERS}
    return zoo.build("frnn_text", **{**sizes, "readout": "all", "seed": 1, **arguments})


def text(batch=32, seed=0, length=LENGTH):
    rng = np.random.default_rng(seed)
    return rng.integers(0, LETTERS, (batch, length), dtype="int32")


@pytest.mark.once
@pytest.mark.parametrize("affine", [None, "shared", "per_iteration"])
@graphs
def test_counts_of_frnn_text(states, graph, affine):
    pair = build(states=states, graph=graph, affine=affine)
    costs = pair.costs()
    transitions = {2: 4, 3: 9}[states] - 2 * ((states, graph) == (3, "adjacent"))
    ends = (
        2 * LETTERS * WIDTH + LETTERS + 2 * WIDTH
    )  # Includes the normalization of the head.
    kernels = transitions * 2 * WIDTH**2
    assert costs.recurrent.synapses == kernels + LETTERS * WIDTH
    scales = {None: 0, "shared": transitions * 4 * WIDTH}
    if affine in scales:
        assert costs.recurrent.parameters == ends + kernels + scales[affine]
        assert costs.recurrent.per_iteration_parameters == 0
    # The first step has one state. Later steps evaluate every transition, but the last
    # only those that lead to the readout.
    if states == 2:
        evaluations = 2 + 4 * (LENGTH - 2) + 2
        head = LENGTH * WIDTH * LETTERS
        for twin in (costs.recurrent, costs.feedforward):
            assert twin.macs == evaluations * 2 * WIDTH**2 + head
            assert twin.effective_depth == 2 * LENGTH + 1
        copies = evaluations * 2 * WIDTH**2
        if affine is None:
            assert costs.feedforward.parameters == ends + copies
        # Both twins have a row of mean and variance for every evaluation.
        rows = evaluations * 2 * 2 * WIDTH + 2 * WIDTH
        assert costs.recurrent.normalization_statistics == rows
        assert costs.feedforward.normalization_statistics == rows


def test_frnn_text_has_statistics_for_16_steps():
    assert zoo.describe("frnn_text").defaults["statistics"] == 16
    model = build(input_shape=(5,), statistics=3).recurrent
    rows = {
        w.shape[0] for w in model.weights if "moving" in w.path and "graph" in w.path
    }
    # The second state has no value before step 2, so its transitions have a row less.
    assert rows == {3, 2}
    longer = build(input_shape=(7,), statistics=3).recurrent
    longer.set_weights(model.get_weights())  # The weights fit texts of any length.
    x = text(length=7)
    np.testing.assert_allclose(
        output(longer, x)[:, :5], output(model, x[:, :5]), 1e-5, 1e-5
    )


@pytest.mark.once
@graphs
@pytest.mark.parametrize("twin", ["recurrent", "feedforward"])
def test_frnn_text_predicts_from_earlier_characters_only(states, graph, twin):
    model = getattr(build(states=states, graph=graph), twin)
    update_batch_norm(model, [text()])
    x = np.repeat(text(batch=1), LENGTH + 1, axis=0)
    for place in range(LENGTH):  # Row i has another character i, the last row none.
        x[place, place] = (x[place, place] + 1) % LETTERS
    found = output(model, x)
    assert found.shape == (LENGTH + 1, LENGTH, LETTERS)
    difference = np.abs(found - found[-1]).max(axis=2)
    for place in range(LENGTH):
        assert (difference[place, :place] == 0).all()
        assert (difference[place, place:] > 1e-6).all()  # It arrives at once.


@pytest.mark.once
@graphs
def test_frnn_text_last_readout_predicts_the_next_character(states, graph):
    every = build(states=states, graph=graph).recurrent
    last = build(states=states, graph=graph, readout="last").recurrent
    last.set_weights(every.get_weights())
    x = text()
    np.testing.assert_allclose(output(last, x), output(every, x)[:, -1], 1e-5, 1e-5)


def test_frnn_text_trains_and_saves_all_statistics(tmp_path):
    model = build(statistics=3, width=8).recurrent
    x = text(64, length=LENGTH + 1)
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=keras.backend.backend() != "jax",
    )
    model.train_on_batch(x[:, :-1], x[:, 1:])
    for weight in model.get_layer("graph").weights:
        if "moving_mean" in weight.path:
            assert (np.abs(array(weight)).max(axis=1) > 0).all(), weight.path
    expected = output(model, x[:, :-1])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(output(loaded, x[:, :-1]), expected, 1e-6, 1e-6)
    prefix = inference.with_iterations(loaded, 2)
    np.testing.assert_allclose(output(prefix, x[:, :-1]), expected[:, :2], 1e-5, 1e-5)


def test_frnn_text_rejects_bad_arguments():
    with pytest.raises(ValueError, match="`states`.*4"):
        build(states=4)
    with pytest.raises(ValueError, match="adjacent"):
        build(graph="adjacnt")
    with pytest.raises(ValueError, match="`statistics` must be a positive integer"):
        build(statistics=0)
    with pytest.raises(ValueError, match="always unrolled"):
        build(unroll=False)
    with pytest.raises(ValueError, match=r"must be like \(64,\)"):
        build(input_shape=(5, 1))
    with pytest.raises(ValueError, match="no argument 'iterations'"):
        build(iterations=5)
