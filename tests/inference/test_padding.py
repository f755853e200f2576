"""Padded text: a model answers alike whole, iteration by iteration and as exported."""

import keras
import numpy as np
import pytest
from compare import array
from keras import layers, ops

from keras_recur import inference, zoo
from keras_recur.analysis import (
    exit_metrics,
    iteration_curve,
    iteration_metrics,
    lesions,
    select_stop_rule,
)
from keras_recur.data import ArrayDataset
from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.losses import IterationLoss
from keras_recur.metrics import ExactMatch, PositiveF1
from keras_recur.training import Recipe, fit

pytestmark = [
    pytest.mark.filterwarnings("ignore:Layer '(sequential|functional)"),
    pytest.mark.filterwarnings(
        "ignore:The rule (agreement|confidence >= 0.(45|99)) was met by none"
    ),
]
TOKENS = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 1], [2, 0, 0, 0, 0, 0]], "int32")
LOOPS = {
    "all": {},
    "rolled": {"unroll": False},
    "remat": {"remat": True},
    "groups": {"sharing": [0, 1, 0]},
    "none": {"sharing": "none"},
    "add": {"injection": "add"},
    "concat": {"injection": "concat"},
}


def text_model(**arguments):
    keras.utils.set_random_seed(0)
    tokens = keras.Input((None,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    width = 8 if arguments.get("injection") == "concat" else 4
    state = keras.Input((None, width))
    hidden = layers.Dense(4, activation="tanh")(state)
    block = keras.Model(state, layers.MultiHeadAttention(1, 4)(hidden, hidden))
    x = SharedRecurrentBlock(block, 3, **arguments)(x)
    head = [layers.GlobalAveragePooling1D(), layers.Dense(3)]
    return keras.Model(tokens, Readout(keras.Sequential(head))(x))


def unpadded(model):
    """The answers to each example alone, without its padding."""
    rows = [row[row > 0][None] for row in TOKENS]
    return np.concatenate([array(model(row)) for row in rows])


@pytest.mark.parametrize("case", LOOPS)
def test_padding_changes_no_answer(case):
    model = text_model(**LOOPS[case])
    expected = unpadded(model)
    every = inference.with_iterations(model, readout="all")
    steps = inference.Stepwise(model)
    carried = steps.advance(steps.start(TOKENS), 0, 2)
    never = inference.EarlyExitPredictor(model, "agreement", min_iterations=3)
    found = {
        "predict": model.predict(TOKENS, verbose=0),
        "all": array(every(TOKENS))[:, -1],
        "policy": array(inference.with_readout_policy(model, "last")(TOKENS)),
        "stepwise": array(steps.read(steps.advance(carried, 2))),
        "anytime": never(TOKENS).logits,
        "in batches": never(TOKENS, batch_size=2).logits,
    }
    for way, answers in found.items():
        np.testing.assert_allclose(answers, expected, 1e-4, 1e-5, err_msg=way)
    middle = unpadded(inference.with_iterations(model, 2))
    np.testing.assert_allclose(array(steps.read(carried)), middle, 1e-4, 1e-5)
    classes = np.argmax(unpadded(every), -1)[:, -1]
    assert iteration_curve(model, [(TOKENS, classes)])[-1] == 1.0


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="SavedModel")
def test_exported_functions_mask_padding(tmp_path):
    import tensorflow as tf

    from keras_recur import export

    model = text_model()
    served = tf.saved_model.load(str(export(model, tmp_path / "served")))
    expected, tokens = unpadded(model), tf.constant(TOKENS)
    found = {
        "serve": served.serve(tokens),
        "serve_iterations": served.serve_iterations(tokens, 3),
        "serve_all": served.serve_all(tokens)["logits"][:, -1],
        "serve_until": served.serve_until(tokens, 1.0)["logits"],
    }
    for way, answers in found.items():
        np.testing.assert_allclose(answers, expected, 1e-4, 1e-5, err_msg=way)


@pytest.mark.parametrize("way", ["predictor", "follow", "stepwise"])
def test_inputs_with_nan_are_refused(way):
    model = zoo.build("mlp", input_shape=(4, 4, 1), width=4, iterations=2).recurrent
    x = np.zeros((2, 4, 4, 1), "float32")
    x[1, 0, 0, 0] = np.nan
    run = {
        "predictor": inference.EarlyExitPredictor(model, "confidence"),
        "follow": lambda x: list(
            inference.EarlyExitPredictor(model, "confidence").follow(x)
        ),
        "stepwise": inference.Stepwise(model).start,
    }[way]
    for inputs in (x, ops.convert_to_tensor(x)):
        with pytest.raises(ValueError, match="`x` must not contain NaN"):
            run(inputs)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 2e19, 3e37])
def test_the_change_of_a_state_does_not_depend_on_its_scale(scale):
    after = np.full((2, 4), scale, "float32")
    before = after * np.float32(0.95)
    leaves = [ops.convert_to_tensor(v) for v in (before, after)]
    rule = inference.StopRule("change")
    if scale > 1e-12:
        signal, _ = rule.signal([], leaves[:1], leaves[1:], None)
        np.testing.assert_allclose(array(signal), 0.05, 1e-4)
    rule = inference.StopRule("acceleration")
    signal, _ = rule.signal(rule.memory(leaves[:1], None), *[[x] for x in leaves], None)
    assert not rule.met(array(signal), 0.01).any() or scale < 1e-12


@pytest.mark.parametrize("kind", ["change", "acceleration"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_state_that_is_not_finite_has_not_settled(kind, value):
    state = np.ones((2, 3), "float32")
    state[1, 1] = value
    state = [ops.convert_to_tensor(state)]
    rule = inference.StopRule(kind)
    signal, _ = rule.signal(rule.memory(state, None), state, state, None)
    assert rule.met(array(signal), rule.threshold).tolist() == [True, False]


def test_answers_that_are_nan_do_not_agree():
    rule, logits = inference.StopRule("agreement"), np.zeros((2, 3), "float32")
    logits[1] = np.nan
    logits = ops.convert_to_tensor(logits)
    _, memory = rule.signal(rule.memory([], logits), [], [], logits)
    assert array(rule.signal(memory, [], [], logits)[0]).tolist() == [1.0, 0.0]


@keras.saving.register_keras_serializable(package="test")
class FirstWord(layers.Layer):
    """Takes the axis of time away and leaves the mask as it was."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x):
        return x[:, 0]


def test_a_mask_that_a_head_left_behind_does_no_harm():
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    x = SharedRecurrentBlock(layers.Dense(4, activation="tanh"), 3)(x)
    model = keras.Model(
        tokens, Readout(keras.Sequential([FirstWord(), layers.Dense(3)]))(x)
    )
    answers = array(model(TOKENS))
    classes = answers.argmax(-1)
    model.compile(loss=IterationLoss(), metrics=[ExactMatch(name="exact")])
    scores = model.evaluate(TOKENS, classes, verbose=0, return_dict=True)
    expected = IterationLoss()(classes, ops.convert_to_tensor(answers))
    assert scores["exact"] == 1
    assert scores["loss"] == pytest.approx(float(array(expected)), 1e-4)
    assert iteration_curve(model, [(TOKENS, classes)])[-1] == 1
    for kind in ("confidence", "agreement"):
        found = inference.EarlyExitPredictor(model, kind, min_iterations=3)(TOKENS)
        np.testing.assert_allclose(found.logits, answers, 1e-4, 1e-5)
    confident = inference.with_readout_policy(model, "confident")
    assert array(confident(TOKENS)).shape == (3, 3)


def test_padding_that_changes_its_answer_does_not_disagree():
    rule, mask = inference.StopRule("agreement"), np.array([[True, True, False]] * 2)
    before = np.zeros((2, 3, 2), "float32")
    after = before.copy()
    after[0, 2, 1] = after[1, 1, 1] = 1  # In padding, and in a word.
    before, after, mask = map(ops.convert_to_tensor, (before, after, mask))
    _, memory = rule.signal(rule.memory([], before), [], [], before, mask)
    assert array(rule.signal(memory, [], [], after, mask)[0]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("reduction", ["min", "mean"])
@pytest.mark.parametrize("kind", ["kl", "residual"])
def test_changes_of_logits_leave_padding_out(kind, reduction):
    rule = inference.StopRule(kind, reduction=reduction)
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(6, 2, 4, 3)).astype("float32")

    def signals(logits, mask):
        logits = [ops.convert_to_tensor(part) for part in logits]
        mask = None if mask is None else ops.convert_to_tensor(mask)
        memory, found = rule.memory([], logits[0]), []
        for part in logits:
            signal, memory = rule.signal(memory, [], [], part, mask)
            found.append(array(signal))
        return np.stack(found)

    mask = np.array([[True, True, False, False], [True, True, True, False]])
    found = signals(logits, mask)
    assert np.isfinite(found[rule.earliest - 1 :]).all()
    for row, length in enumerate(mask.sum(axis=1)):
        alone = signals(logits[:, row : row + 1, :length], None)
        np.testing.assert_allclose(found[:, row], alone[:, 0], 1e-4)
    logits[-1, 0, 3, 0] = np.nan  # In padding, and in a word.
    logits[-1, 1, 0, 0] = np.nan
    assert rule.met(signals(logits, mask)[-1], 1e9).tolist() == [True, False]


def test_a_head_with_two_answers():
    inputs, state = keras.Input((4,)), keras.Input((4,))
    x = SharedRecurrentBlock(layers.Dense(4, activation="tanh"), 3)(inputs)
    answers = {"kind": layers.Dense(2)(state), "color": layers.Dense(3)(state)}
    model = keras.Model(inputs, Readout(keras.Model(state, answers))(x))
    batch = np.ones((2, 4), "float32")
    expected = model(batch)
    every = inference.with_iterations(model, readout="all")(batch)
    last = inference.with_readout_policy(model, "last")(batch)
    steps = inference.Stepwise(model)
    read = steps.read(steps.advance(steps.start(batch), 0, 3))
    for name, answer in expected.items():
        for found in (every[name][:, -1], last[name], read[name]):
            np.testing.assert_allclose(array(found), array(answer), 1e-5, 1e-6)
    with pytest.raises(ValueError, match="Stopping early needs a `head` with one outp"):
        inference.EarlyExitPredictor(model, "agreement")


def tagger(readout="last"):
    """A model that answers at every position."""
    keras.utils.set_random_seed(1)
    tokens = keras.Input((None,), dtype="int32")
    far = keras.initializers.RandomNormal(stddev=2.0, seed=1)
    x = layers.Embedding(9, 4, far, mask_zero=True)(tokens)
    block = layers.Dense(4, activation="tanh", kernel_initializer="orthogonal")
    x = SharedRecurrentBlock(block, 3)(x)
    model = keras.Model(tokens, Readout(layers.Dense(3))(x))
    return inference.with_iterations(model, readout=readout)


@pytest.mark.parametrize("readout", ["last", "all"])
def test_padded_positions_are_not_trained(readout):
    model = tagger(readout)
    targets = TOKENS % 3
    loss = IterationLoss("uniform")
    unscored = np.where(TOKENS > 0, targets, -1)
    without = ops.convert_to_tensor(array(model(TOKENS)))
    expected = float(array(loss(ops.convert_to_tensor(unscored), without)))
    assert float(array(loss(targets, model(TOKENS)))) == pytest.approx(expected, 1e-5)


RECIPES = {
    "last": {},
    "uniform": {"loss_weights": "uniform"},
    "progressive": {"progressive": 0.5},
    "progressive alone": {"progressive": 1.0},
    "annealed": {"anneal_from": "uniform", "anneal_epochs": 1},
    "coarse to fine": {"loss_weights": "uniform", "hierarchy": [0, 0, 1]},
}


@pytest.mark.parametrize("name", RECIPES)
def test_labels_of_padding_change_no_training(name):
    recipe = Recipe("adam", 0.1, epochs=2, batch_size=3, **RECIPES[name])
    found = []
    for label in (0, 2):
        model = tagger("all" if recipe.every_readout else "last")
        labels = np.where(TOKENS > 0, TOKENS % 3, label)
        history = fit(model, recipe, ArrayDataset(TOKENS, labels, 3), verbose=0)
        found.append([history["loss"], *map(array, model.weights)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("readout", ["last", "all"])
def test_padded_positions_are_not_scored(readout):
    model = tagger(readout)
    model.compile(
        loss=IterationLoss("uniform"),
        metrics=[ExactMatch(name="exact"), PositiveF1(name="f1")],
    )
    found = array(model(TOKENS)).argmax(-1)
    found = found[:, -1] if readout == "all" else found
    wrong = np.where(TOKENS > 0, found, (found + 1) % 3)
    scores = model.evaluate(TOKENS, wrong, verbose=0, return_dict=True)
    assert scores["exact"] == 1 and scores["f1"] == pytest.approx(1)
    data = [(TOKENS, wrong)]
    assert iteration_curve(model, data)[-1] == 1
    assert iteration_metrics(model, data).accuracy[-1] == 1
    if readout == "last":
        predictor = inference.EarlyExitPredictor(model, "agreement", min_iterations=3)
        assert exit_metrics(predictor, data).fixed_accuracy == 1
        assert select_stop_rule(model, "agreement", data).fixed_accuracy == 1


@pytest.mark.parametrize("dtype", ["uint8", "uint64", "float32", "int8"])
def test_labels_of_every_type_are_scored_alike(dtype):
    model = tagger()
    found = array(model(TOKENS)).argmax(-1)
    data = [(TOKENS, np.where(TOKENS > 0, found, 0).astype(dtype))]
    assert iteration_curve(model, data)[-1] == 1
    assert iteration_metrics(model, data).accuracy[-1] == 1
    assert lesions(model, data).accuracy == 1


@pytest.mark.parametrize("reduction", ["min", "mean"])
@pytest.mark.parametrize("kind", ["confidence", "agreement"])
@pytest.mark.parametrize("policy", ["last", "mean", "confident"])
def test_padded_positions_do_not_keep_an_example_running(kind, reduction, policy):
    model = tagger()
    rule = inference.StopRule(
        kind, 0.45 if kind == "confidence" else None, 1, reduction
    )
    run = inference.EarlyExitPredictor(model, rule, 8, policy=policy)
    found = run(TOKENS)
    for i, row in enumerate(TOKENS):
        alone = run(row[row > 0][None])
        assert found.iterations[i] == alone.iterations[0]
        np.testing.assert_allclose(found.confidence[i], alone.confidence[0], 1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="SavedModel")
def test_padding_makes_no_exported_answer_less_sure(tmp_path):
    import tensorflow as tf

    from keras_recur import export

    served = tf.saved_model.load(str(export(tagger(), tmp_path / "served")))
    for i, row in enumerate(TOKENS):
        alone = row[row > 0][None]
        for serve in (served.serve_all, lambda x: served.serve_until(x, 0.45)):
            np.testing.assert_allclose(
                serve(tf.constant(TOKENS))["confidence"][i],
                serve(tf.constant(alone))["confidence"][0],
                1e-5,
            )
