"""States are read after every iteration, in every family, without changing a model."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recur import analysis, inference
from keras_recur.analysis import _loop_states
from keras_recur.analysis._loop_states import LoopStates, examples
from keras_recur.layers import Readout, SharedRecurrentBlock
from tests.analysis.small_pairs import PAIRS, images_of, small_pair


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("network", ["recurrent", "feedforward"])
def test_the_head_reads_the_last_state(name, network):
    model = getattr(small_pair(name), network)
    x = images_of(model, 5)
    before = [np.array(w) for w in model.get_weights()]
    states = LoopStates(model)
    found = states.read(x)
    assert found.shape[:2] == (len(states.iterations), 5)
    if states.steps:
        carried = states.start(x)
        for t in range(states.iterations[-1]):
            carried = states.steps.advance(carried, t)
        state = list(carried.state)
        state[states.place] = ops.convert_to_tensor(found[-1])
        read = states.steps.read(carried._replace(state=state))
        expected = inference.with_iterations(model, readout="last").predict_on_batch(x)
        np.testing.assert_allclose(np.asarray(read), expected, atol=1e-5)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


# The bank of swrn has no weights for more iterations, and the stretches of
# multistate_resnet grow with them.
ENDLESS = sorted(set(PAIRS) - {"swrn", "multistate_resnet"})


@pytest.mark.parametrize("name", ENDLESS)
def test_states_of_a_long_run_begin_with_those_of_a_short_one(name):
    model = small_pair(name).recurrent
    x = images_of(model, 3)
    short, longer = LoopStates(model), LoopStates(model, 5)
    count = len(short.iterations)
    assert longer.iterations[:count] == short.iterations
    assert longer.iterations[-1] == 5
    np.testing.assert_allclose(longer.read(x)[:count], short.read(x), atol=1e-5)


def test_tied_twins_have_the_same_states():
    pair = small_pair("convnet")
    pair.untie()
    x = images_of(pair.recurrent, 4)
    states = [LoopStates(m).read(x) for m in (pair.recurrent, pair.feedforward)]
    np.testing.assert_allclose(*states, atol=1e-5)


def test_states_are_reduced_batch_by_batch(monkeypatch):
    model = small_pair("convnet").recurrent
    x = images_of(model, 7)
    every = LoopStates(model).read(x)
    monkeypatch.setattr(_loop_states, "BATCH_SIZE", 4)
    sizes = []

    def mean(state):
        sizes.append(len(state))
        return state.mean((1, 2))

    means = LoopStates(model).read(x, mean)
    np.testing.assert_allclose(means, every.mean((2, 3)), atol=1e-6)
    assert set(sizes) == {3, 4}


def two_inputs(form):
    """Return a model with two inputs, the same with one, and inputs of both."""
    loop = SharedRecurrentBlock(layers.Dense(4, activation="tanh"), 2)
    head = Readout(layers.Dense(2))
    together = keras.Input((6,))
    one = keras.Model(together, head(loop(together[:, 2:])))
    parts = {"a": keras.Input((4,), name="a"), "b": keras.Input((2,), name="b")}
    x = np.random.default_rng(0).normal(size=(200, 6)).astype("float32")
    given = {"a": x[:, :4], "b": x[:, 4:]}
    state = head(loop(layers.Concatenate()([parts["a"], parts["b"]])[:, 2:]))
    if form is not dict:
        parts, given = form(parts.values()), form(given.values())
    return keras.Model(parts, state), given, one, x


def separability(model, x, y):
    data = x, y
    return analysis.separability(model, data, data).accuracy


def state_similarity(model, x, y):
    return analysis.state_similarity(model, model, (x, y)).matrix


def trajectories(model, x, y):
    return analysis.trajectories(model, (x, y)).points


@pytest.mark.parametrize("form", [list, tuple, dict])
@pytest.mark.parametrize("analyze", [separability, state_similarity, trajectories])
def test_states_of_models_with_several_inputs(analyze, form):
    several, parts, one, x = two_inputs(form)
    y = np.arange(200) % 2
    found, expected = analyze(several, parts, y), analyze(one, x, y)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_examples_are_the_first_ones():
    x, y = np.arange(10.0)[:, None], np.arange(10)
    found = examples([(x[:4], y[:4]), (x[4:], y[4:])], 6)
    np.testing.assert_array_equal(found[0], x[:6])
    np.testing.assert_array_equal(found[1], y[:6])
    assert len(examples((x, y), 99)[0]) == 10
    with pytest.raises(ValueError, match="num_examples"):
        examples((x, y), 0)
