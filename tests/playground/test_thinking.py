"""What the page shows of every iteration, against other ways to compute it."""

import keras
import numpy as np
import pytest

from keras_recur import inference, zoo
from keras_recur.inference import EarlyExitPredictor, Stepwise, StopRule
from keras_recur.inference.stop_rule import KINDS
from keras_recur.playground.tasks import TASKS
from keras_recur.playground.thinking import MAX_ITERATIONS, Disturbance, think

BITS = TASKS["prefix_sums"]


@pytest.fixture(scope="module")
def pair():
    return zoo.build("deep_thinking_1d", width=8, iterations=4, seed=1)


@pytest.fixture(scope="module")
def steps(pair):
    return Stepwise(pair.recurrent)


X = BITS.encode(BITS.parse("1101001011"))


def test_think_repeats_the_readouts_of_the_model(pair, steps):
    thoughts = think(steps, X, 7)
    every = inference.with_iterations(pair.recurrent, 7, readout="all")
    logits = every.predict(X, verbose=0)[0]
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    np.testing.assert_allclose(thoughts.likely, expected, atol=1e-5)
    guesses = expected.argmax(-1)
    changed = (guesses[1:] != guesses[:-1]).mean(-1)
    np.testing.assert_allclose(thoughts.changed(None)[1:], changed)
    assert np.isnan(thoughts.changed(None)[0])


def test_twin_ends_at_its_own_iterations(pair):
    thoughts = think(Stepwise(pair.feedforward), X, 30)
    assert len(thoughts) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_stops_where_early_exit_stops(pair, steps, kind):
    thoughts = think(steps, X, 12)
    signal = thoughts.signals[kind][2:]
    threshold = None if kind == "agreement" else float(np.median(signal))
    rule = StopRule(kind, threshold, patience=2)
    predictor = EarlyExitPredictor(pair.recurrent, rule, max_iterations=12)
    found = predictor(X)
    expected = int(found.iterations[0]) if found.stopped[0] else None
    assert thoughts.stops(rule) == expected


def test_changed_skips_positions_that_are_not_scored(steps):
    thoughts = think(steps, X, 3)
    guesses = thoughts.likely.argmax(-1)
    answer = np.where(guesses[1] != guesses[0], -1, 0)
    shares = thoughts.changed(answer)
    assert shares[1] == 0


def test_damping_keeps_a_share_of_the_old_state(steps):
    thoughts = think(steps, X, 3, Disturbance(damping=0.5))
    carried = steps.start(X)
    for t in range(3):
        after = steps.advance(carried, t)
        state = [
            0.5 * a + 0.5 * b for a, b in zip(carried.state, after.state, strict=True)
        ]
        carried = after._replace(state=state)
    logits = keras.ops.convert_to_numpy(keras.ops.softmax(steps.read(carried)))[0]
    np.testing.assert_allclose(thoughts.likely[-1], logits, atol=1e-5)


def test_noise_is_added_after_the_chosen_iteration_only(steps):
    calm = think(steps, X, 6).likely
    kicked = think(steps, X, 6, Disturbance(noise=1.0, after=3)).likely
    np.testing.assert_allclose(kicked[:2], calm[:2], atol=1e-6)
    assert np.abs(kicked[2] - calm[2]).max() > 1e-3
    noisy = think(steps, X, 6, Disturbance(noise=1.0)).likely
    assert np.abs(noisy[0] - calm[0]).max() > 1e-3
    again = think(steps, X, 6, Disturbance(noise=1.0)).likely
    np.testing.assert_allclose(noisy, again, atol=1e-6)
    other = think(steps, X, 6, Disturbance(noise=1.0, seed=1)).likely
    assert np.abs(noisy - other).max() > 1e-3


def test_noise_leaves_the_input_in_a_state_alone():
    pair = zoo.build(
        "feedback", input_shape=(8, 8, 1), num_classes=10, width=2, iterations=2
    )
    steps = Stepwise(pair.recurrent)
    x = TASKS["digits"].encode(TASKS["digits"].example(0, 0))
    seen = []
    advance = steps.advance
    steps.advance = lambda carried, t: seen.append(carried) or advance(carried, t)
    think(steps, x, 3, Disturbance(noise=1.0, damping=0.5))
    first, *_, last = (np.asarray(keras.ops.convert_to_numpy(c.state[0])) for c in seen)
    np.testing.assert_array_equal(first, last)


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": -1}, "`noise` must be a finite number"),
        ({"noise": 11}, "`noise` must be .* at most 10"),
        ({"damping": 1.0}, "`damping` must be .* below 1"),
        ({"after": -1}, "`after` must be an integer"),
        ({"seed": -1}, "`seed` must be an integer"),
        ({"seed": "x"}, "`seed` must be an integer"),
    ],
)
def test_disturbance_refuses_bad_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        Disturbance(**arguments)


@pytest.mark.once
def test_think_refuses_too_many_iterations(steps):
    for iterations in (0, MAX_ITERATIONS + 1, 10**12, 2.5, "3", None):
        with pytest.raises(ValueError, match="`iterations` must be an integer from 1"):
            think(steps, X, iterations)


@pytest.mark.once
def test_think_refuses_more_numbers_than_it_keeps(steps, monkeypatch):
    monkeypatch.setattr("keras_recur.playground.thinking.MAX_NUMBERS", 100)
    with pytest.raises(ValueError, match="at most 100 probabilities.*at most 5 iter"):
        think(steps, X, 20)
    assert len(think(steps, X, 5)) == 5


def test_think_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    pair = zoo.build("deep_thinking_1d", width=8, iterations=2, seed=1)
    thoughts = think(Stepwise(pair.recurrent), X, 3, Disturbance(0.5, 0, 0.5))
    assert np.isfinite(thoughts.likely).all()
    assert thoughts.likely.dtype == np.float32
