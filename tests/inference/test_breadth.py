"""Several starts of a loop, and the answer that is selected."""

import importlib

import keras
import numpy as np
import pytest
from compare import far, output
from families import inputs_for, small

from keras_recur import inference
from keras_recur.inference import breadth
from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.layers._random import seed_scope

module = importlib.import_module("keras_recur.inference.breadth")
RANDOM = {"injection": "concat", "initial_state": "normal"}


@pytest.fixture(scope="module")
def model():
    return small("deep_thinking_1d", **RANDOM).recurrent


def by_hand(monkeypatch, answers, residuals, sure, there=None):
    """Let three starts give these answers of one example with two positions."""
    there = np.ones((1, 2), bool) if there is None else np.array([there])
    runs = iter(
        (5.0 * np.eye(3, dtype="float32")[[a]], np.array([r]), np.array([c]), there)
        for a, r, c in zip(answers, residuals, sure, strict=True)
    )
    monkeypatch.setattr(module, "_run", lambda *_: next(runs))


CASE = {
    "answers": [[0, 1], [2, 1], [2, 1]],
    "residuals": [0.1, 0.3, 0.2],
    "sure": [0.6, 0.9, 0.7],
}


@pytest.mark.once
@pytest.mark.parametrize(
    ("select", "start", "classes", "agreement"),
    [
        ("residual", 0, [0, 1], 1 / 3),
        ("vote", 2, [2, 1], 2 / 3),
        ("confidence", 1, [2, 1], 2 / 3),
    ],
)
def test_selection_of_three_starts(
    select, start, classes, agreement, model, monkeypatch
):
    by_hand(monkeypatch, **CASE)
    found = breadth(model, np.zeros((1, 2, 1)), 3, 3, select)
    assert found.start.tolist() == [start]
    assert found.classes.tolist() == [classes]
    assert found.agreement == pytest.approx([agreement])
    assert found.residual.tolist() == [CASE["residuals"][start]]
    assert found.confidence.tolist() == [CASE["sure"][start]]
    assert "mean agreement of the starts" in str(found)


@pytest.mark.once
def test_vote_ignores_positions_that_do_not_count(model, monkeypatch):
    by_hand(monkeypatch, **CASE, there=[False, True])
    found = breadth(model, np.zeros((1, 2, 1)), 3, 3, "vote")
    assert found.agreement.tolist() == [1.0] and found.start.tolist() == [0]


@pytest.mark.once
def test_starts_that_diverge_are_selected_last(model, monkeypatch):
    by_hand(monkeypatch, CASE["answers"], [np.inf, 0.3, np.inf], CASE["sure"])
    assert breadth(model, np.zeros((1, 2, 1)), 3, 3).start.tolist() == [1]
    by_hand(monkeypatch, CASE["answers"], [0.1, np.inf, np.inf], CASE["sure"])
    assert breadth(model, np.zeros((1, 2, 1)), 3, 3, "vote").start.tolist() == [1]


def test_residual_is_the_mean_change_of_the_logits(model):
    x = inputs_for(model)
    noisy = inference.with_iterations(model, 6, readout="all")
    mask = np.random.default_rng(1).random(x.shape[:2]) > 0.4
    found = breadth(model, x, 3, 6, seed=4, window=2, mask=mask)
    every = []
    for start in range(3):
        with seed_scope(module.derived_seed(4, f"0/{start}")):
            every.append(output(noisy, x))
    every = np.stack(every)  # (starts, examples, iterations, positions, classes)
    change = np.linalg.norm(np.diff(every, axis=2), axis=-1)[:, :, -2:].mean(axis=2)
    residual = (change * mask).sum(-1) / mask.sum(-1)
    rows = np.arange(len(x))
    np.testing.assert_array_equal(found.start, residual.argmin(axis=0))
    np.testing.assert_allclose(found.residual, residual.min(axis=0), 1e-3)
    expected = every[found.start, rows, -1]
    np.testing.assert_allclose(found.logits, expected, 1e-3, 1e-4)


def test_the_same_seed_gives_the_same_answer(model):
    x = inputs_for(model, batch=5)
    first, again, other = (
        breadth(model, x, 2, seed=s, batch_size=2) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.logits, again.logits)
    assert far(first.logits, other.logits)
    assert far(breadth(model, x, 2).logits, breadth(model, x, 2).logits)


def test_one_start_equals_the_plain_model():
    model = small("deep_thinking_1d", injection="concat").recurrent
    x = inputs_for(model)
    found = breadth(model, x, 1, 3)
    np.testing.assert_allclose(found.logits, output(model, x), 1e-4, 1e-5)
    assert found.agreement.tolist() == [1.0] * len(x)
    longer = breadth(model, x, 1, 9).logits
    expected = output(inference.with_iterations(model, 9), x)
    np.testing.assert_allclose(longer, expected, 1e-4, 1e-5)


def test_noise_alone_makes_starts_differ():
    model = small("deep_thinking_1d", injection="add", state_noise=0.5).recurrent
    x = inputs_for(model)
    with pytest.raises(ValueError, match="draws random numbers.*noise=True"):
        breadth(model, x, 2)
    noisy = inference.with_iterations(model, noise=True)
    found = breadth(noisy, x, 4, seed=1)
    assert far(found.logits, output(model, x)) and len(set(found.start)) > 1


def test_a_classifier_without_positions():
    inputs = keras.Input((4,))
    block = keras.layers.Dense(4, activation="tanh")
    loop = SharedRecurrentBlock(block, 4, injection="add", initial_state="normal")
    model = keras.Model(inputs, Readout(keras.layers.Dense(3))(loop(inputs)))
    found = breadth(model, np.ones((5, 4), "float32"), 3, seed=0, select="vote")
    assert found.logits.shape == (5, 3) and found.agreement.shape == (5,)


def test_untied_networks_run_several_starts_too():
    model = small("deep_thinking_1d", **RANDOM).feedforward
    x = inputs_for(model)
    assert breadth(model, x, 2, seed=0).logits.shape == output(model, x).shape
    with pytest.raises(ValueError, match=r"at most 3 here.*Received: iterations=4"):
        breadth(model, x, 2, 4)


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"starts": 0}, "`starts` must be a positive integer.*starts=0"),
        ({"select": "best"}, "`select`.*Received.*'best'"),
        ({"window": 4}, "`window` must be at most.*window=4, iterations=3"),
        ({"mask": np.ones((4, 5), bool)}, r"`mask` must have.*\(4, 6\).*\(4, 5\)"),
        ({"x": np.zeros((0, 6, 1))}, "no examples"),
    ],
)
def test_refusals(arguments, message, model):
    with pytest.raises(ValueError, match=message):
        breadth(model, **{"x": inputs_for(model), **arguments})
