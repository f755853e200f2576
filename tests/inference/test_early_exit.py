"""Stopping early: the same answers as of so many iterations, and fewer of them run."""

import keras
import numpy as np
import pytest
from compare import array, output
from families import inputs_for, small

from keras_recur import inference
from keras_recur.inference import StopRule, confidence
from keras_recur.inference.early_exit import _compact_size
from keras_recur.layers import Readout, SharedRecurrentBlock

MAXIMUM = 7


@pytest.fixture(scope="module")
def trained():
    """Not trained, but with answers that come at different iterations, and stay."""
    return small("deep_thinking_1d", injection="concat").recurrent


def every(model, x, iterations=MAXIMUM):
    return output(inference.with_iterations(model, iterations, readout="all"), x)


def by_hand(rule, logits, states):
    """Signals of a rule, from all outputs at once: `(examples, iterations)`."""
    if rule.kind == "confidence":
        e = np.exp(logits - logits.max(-1, keepdims=True))
        likely = (e / e.sum(-1, keepdims=True)).max(-1)
        return getattr(likely, rule.reduction)(axis=-1)
    if rule.kind == "agreement":
        answers = logits.argmax(-1)
        same = (answers[:, 1:] == answers[:, :-1]).all(-1)
        return np.pad(same, ((0, 0), (1, 0))).astype(float)
    if rule.kind == "kl":
        logp = logits - logits.max(-1, keepdims=True)
        logp -= np.log(np.exp(logp).sum(-1, keepdims=True))
        old, new = logp[:, :-1], logp[:, 1:]
        found = (np.exp(old) * (old - new)).sum(-1)
        found = found.mean(-1) if rule.reduction == "mean" else found.max(-1)
        flat = -np.log(logits.shape[-1]) - logp[:, :1]  # Equal chances come first.
        first = flat.mean(-1)
        first = first.mean(-1) if rule.reduction == "mean" else first.max(-1)
        return np.concatenate([first, found], axis=1)
    if rule.kind == "residual":
        found = np.linalg.norm(np.diff(logits, axis=1), axis=-1)
        found = found.mean(-1) if rule.reduction == "mean" else found.max(-1)
        w, count = rule.window, logits.shape[1]
        signals = np.full(logits.shape[:2], np.inf)
        for t in range(w, count):
            signals[:, t] = found[:, t - w : t].mean(axis=1)
        return signals
    change = np.diff(states, axis=1)
    if rule.kind == "acceleration":
        change = np.diff(change, axis=1, prepend=np.zeros_like(change[:, :1]))
    size = np.linalg.norm(states[:, 1:].reshape(*states[:, 1:].shape[:2], -1), axis=-1)
    return np.linalg.norm(change.reshape(*change.shape[:2], -1), axis=-1) / size


def states_of(model, x, iterations):
    """The loop's state before the first iteration, and after each."""
    steps = inference.Stepwise(model)
    carried = steps.start(x)
    found = [array(carried.state[0])]
    for t in range(iterations):
        carried = steps.advance(carried, t)
        found.append(array(carried.state[0]))
    return np.stack(found, axis=1)


RULES = {
    "confidence": StopRule("confidence", 0.5),
    "mean confidence": StopRule("confidence", 0.5, reduction="mean"),
    "agreement": StopRule("agreement"),
    "kl": StopRule("kl"),
    "mean kl": StopRule("kl", patience=2, reduction="mean"),
    "residual": StopRule("residual"),
    "mean residual": StopRule("residual", window=2, reduction="mean"),
    "change": StopRule("change", 0.5),
    "acceleration": StopRule("acceleration", 0.5, patience=2),
}


@pytest.mark.parametrize("which", RULES)
def test_examples_stop_where_the_rule_says(which, trained):
    x = inputs_for(trained, batch=9)
    logits = every(trained, x)
    signals = by_hand(RULES[which], logits, states_of(trained, x, MAXIMUM))
    # A threshold in the middle: some examples stop early, others late or never.
    rule = RULES[which]
    if rule.kind != "agreement":
        rule = StopRule(
            rule.kind,
            float(np.median(signals[np.isfinite(signals)])),
            rule.patience,
            rule.reduction,
            rule.window,
        )
    predictor = inference.EarlyExitPredictor(trained, rule, MAXIMUM)
    followed = np.stack([signal for _, signal, _ in predictor.follow(x)], axis=1)
    np.testing.assert_allclose(followed, signals, 1e-3, 1e-5)
    found = predictor(x)
    expected, stopped = rule.exits(followed)
    np.testing.assert_array_equal(found.iterations, expected)
    np.testing.assert_array_equal(found.stopped, stopped)
    assert len(set(expected)) > 1
    at = np.arange(len(x)), expected - 1
    np.testing.assert_allclose(found.logits, logits[at], 1e-4, 1e-4)
    sure = by_hand(StopRule("confidence", reduction=rule.reduction), logits, None)
    np.testing.assert_allclose(found.confidence, sure[at], 1e-3)
    parts = predictor(x, batch_size=4)
    np.testing.assert_array_equal(parts.iterations, found.iterations)


@pytest.mark.once
def test_exits_by_hand():
    signals = np.array([[0.1, 0.9, 0.2, 0.9, 0.9], [0.95, 0.95, 0.1, 0.1, 0.1]])
    iterations, stopped = StopRule("confidence", 0.9, patience=2).exits(signals)
    assert iterations.tolist() == [5, 2] and stopped.tolist() == [True, True]
    iterations, stopped = StopRule("confidence", 0.92).exits(signals, min_iterations=2)
    assert iterations.tolist() == [5, 2] and stopped.tolist() == [False, True]
    # An answer cannot agree, nor a change change, before there were two.
    assert StopRule("acceleration", 1.0).exits(np.zeros((1, 3)))[0].tolist() == [2]
    assert StopRule("kl").exits(np.zeros((1, 3)))[0].tolist() == [2]
    assert StopRule("residual", window=2).exits(np.zeros((1, 5)))[0].tolist() == [3]
    assert str(StopRule("residual", 0.1)) == "residual over 3 iterations <= 0.1"
    assert StopRule("change", 1.0).exits(np.zeros((1, 3)))[0].tolist() == [1]


class Counting(keras.layers.Layer):
    """Adds 1 to the state, and keeps the sizes of the batches that it was given."""

    seen: list

    def call(self, x):
        self.seen.append(x.shape[0])
        return x + 1.0


def counted(limits):
    """A model that answers 1, and 0 once it has counted up to an example's limit."""
    counting = Counting()
    counting.seen = []

    class Head(keras.layers.Layer):
        def call(self, state):
            reached = state[:, :1] - state[:, 1:]  # the second stands still
            zero = keras.ops.zeros_like(reached)
            return keras.ops.concatenate([100.0 * (reached + 0.5), zero], axis=-1)

    state = keras.Input((2,))
    moved = keras.layers.Concatenate()([counting(state[:, :1]), state[:, 1:]])
    block = keras.Model(state, moved)
    x = keras.Input((2,))
    loop = SharedRecurrentBlock(block, 5)(x)
    model = keras.Model(x, Readout(Head())(loop))
    inputs = np.array([[0.0, limit] for limit in limits], "float32")
    return model, inputs, counting


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="Others are compiled.")
def test_what_is_done_leaves_the_batch():
    model, x, counting = counted([1, 1, 1, 3, 2, 3, 1, 5])
    predictor = inference.EarlyExitPredictor(model, "agreement", 9)
    counting.seen.clear()
    found = predictor(x)
    # The answer turns at the limit: where that is 2, the second is no agreement.
    assert found.iterations.tolist() == [2, 2, 2, 2, 3, 2, 2, 2]
    assert counting.seen == [8, 8, 1]


def test_the_loop_ends_when_all_are_done(trained):
    x = inputs_for(trained, batch=5)
    predictor = inference.EarlyExitPredictor(
        trained, StopRule("confidence", 1e-6), max_iterations=10_000
    )
    found = predictor(x)
    assert found.iterations.tolist() == [1] * 5 and found.stopped.all()


def test_compact_size_halves_compiled_batches(monkeypatch):
    for backend, sizes in {
        "torch": [5, 4, 3, 1],
        "jax": [9, 5, 5, 1],
        "tensorflow": [9, 5, 5, 1],
    }.items():
        monkeypatch.setattr(keras.backend, "backend", lambda b=backend: b)
        assert [_compact_size(n, 9) for n in (5, 4, 3, 1)] == sizes


@pytest.mark.parametrize("policy", ["last", "mean", "confident"])
def test_policies_over_the_iterations_that_were_run(policy, trained):
    x = inputs_for(trained, batch=6)
    logits = every(trained, x)
    rule = StopRule("agreement", patience=2)
    found = inference.EarlyExitPredictor(trained, rule, MAXIMUM, policy=policy)(x)
    for example, run in enumerate(found.iterations):
        own = logits[example, :run]
        sure = array(confidence(own[None], batch_axes=2))[0]
        expected = {
            "last": own[-1],
            "mean": own.mean(axis=0),
            "confident": own[np.argmax(sure)],
        }[policy]
        np.testing.assert_allclose(found.logits[example], expected, 1e-3, 1e-4)


def test_a_rule_that_never_fires_says_so(trained):
    x = inputs_for(trained, batch=3)
    rule = StopRule("change", 1e-30)
    with pytest.warns(UserWarning, match="met by none of 3 examples.*maximum of 4"):
        found = inference.EarlyExitPredictor(trained, rule, 4)(x)
    assert found.iterations.tolist() == [4] * 3 and not found.stopped.any()
    assert "3 were stopped at the maximum" in str(found)
    np.testing.assert_allclose(found.logits, every(trained, x, 4)[:, -1], 1e-4, 1e-4)


def test_untied_networks_stop_early_too():
    model = small("deep_thinking_1d").feedforward
    x = inputs_for(model, batch=5)
    found = inference.EarlyExitPredictor(model, "agreement")(x)
    at = np.arange(5), found.iterations - 1
    np.testing.assert_allclose(found.logits, every(model, x, 3)[at], 1e-4, 1e-4)
    with pytest.raises(ValueError, match="at most 3 here.*Received: max_iterations=4"):
        inference.EarlyExitPredictor(model, "agreement", 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda m: inference.EarlyExitPredictor(m, "certainty"),
            "`rule`.*Received: rule='certainty'",
        ),
        (
            lambda m: inference.EarlyExitPredictor(m, 0.9),
            "`rule` must be a StopRule.*rule=0.9",
        ),
        (
            lambda m: inference.EarlyExitPredictor(m, "change", 0),
            "`max_iterations` must be.*max_iterations=0",
        ),
        (
            lambda m: inference.EarlyExitPredictor(m, "change", 3, 4),
            "min_iterations=4, max_iterations=3",
        ),
        (
            lambda m: inference.EarlyExitPredictor(m, "change", policy="learned"),
            "`policy`.*Received: policy='learned'",
        ),
        (
            lambda m: inference.EarlyExitPredictor(m, "change")(np.zeros((0, 6, 1))),
            "no examples",
        ),
        (lambda m: StopRule("confidence", 1.5), "above 0 and at most 1.*=1.5"),
        (lambda m: StopRule("change", 0.0), "above 0. Received: threshold=0.0"),
        (lambda m: StopRule("change", float("nan")), "Received: threshold=nan"),
        (lambda m: StopRule("agreement", 0.5), "takes no threshold.*`patience`"),
        (lambda m: StopRule("change", patience=0), "`patience` must be.*patience=0"),
        (lambda m: StopRule(reduction="max"), "`reduction`.*'max'"),
        (lambda m: StopRule("kl", window=2), "`window` is for.*window=2.*'kl'"),
        (lambda m: StopRule("residual", window=0), "`window` must be.*window=0"),
        (lambda m: StopRule("kl", 0), "above 0. Received: threshold=0"),
    ],
)
def test_refusals(make, message, trained):
    with pytest.raises(ValueError, match=message):
        make(trained)


def test_a_model_without_readouts():
    x = keras.Input((4,))
    loop = SharedRecurrentBlock(keras.layers.Dense(4), 2)(x)
    model = keras.Model(x, keras.layers.Dense(2)(loop))
    with pytest.raises(ValueError, match="read out at every iteration.*no Readout lay"):
        inference.EarlyExitPredictor(model, "confidence")
    with pytest.raises(ValueError, match="read out at every iteration.*no Readout lay"):
        inference.with_readout_policy(model, "mean")
