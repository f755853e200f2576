"""States are read after every iteration, in every family, without changing a model."""

import numpy as np
import pytest
from keras import ops

from keras_recur import inference
from keras_recur.analysis._loop_states import LoopStates, examples
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


def test_states_are_reduced_batch_by_batch():
    model = small_pair("convnet").recurrent
    x = images_of(model, 6)
    every = LoopStates(model).read(x)
    parts = [(x[:4],), (x[4:],)]
    means = LoopStates(model).read(parts, lambda state: state.mean((1, 2)))
    np.testing.assert_allclose(means, every.mean((2, 3)), atol=1e-6)


def test_examples_are_the_first_ones():
    x, y = np.arange(10.0)[:, None], np.arange(10)
    found = examples([(x[:4], y[:4]), (x[4:], y[4:])], 6)
    np.testing.assert_array_equal(found[0], x[:6])
    np.testing.assert_array_equal(found[1], y[:6])
    assert len(examples((x, y), 99)[0]) == 10
    with pytest.raises(ValueError, match="num_examples"):
        examples((x, y), 0)
