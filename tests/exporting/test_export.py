"""What is exported computes what the model computed, and says what it is."""

import json
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from compare import array, output
from families import FAMILIES, GRAPHS, VARIANTS, inputs_for, small
from keras import layers

import keras_recur
from keras_recur import inference
from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.layers._random import seed_scope

tf = pytest.importorskip("tensorflow")  # which serves, whatever the backend
BACKEND = keras.backend.backend()
# These take long to trace; fewer iterations show what three do.
FEW = {"swrn": {"iterations": 1}, "feedback": {"iterations": 2}}


def export(model, folder, **arguments):
    path = keras_recur.export(model, folder / "exported", **arguments)
    return tf.saved_model.load(str(path))


def card_in(served):
    return json.loads(Path(served.card.asset_path.numpy().decode()).read_text())


def close(actual, expected, tolerance=1e-5):
    if isinstance(actual, tf.Tensor):
        actual = tf.cast(actual, "float32").numpy()
    expected = np.asarray(expected, "float32")
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(actual, expected, tolerance, tolerance * scale)


def check(served, model, x):
    """All functions against what the library itself computes."""
    close(served.serve(x), output(model, x))
    close(served.serve(x[:1]), output(model, x[:1]))
    trained = card_in(served)["iterations"]["trained"]
    allowed = card_in(served)["iterations"].get("allowed")
    for n in (1, trained, 2 * trained):
        expected = None
        if not allowed or n in allowed:
            try:
                longer = inference.with_iterations(model, n, readout="last")
                expected = output(longer, x)
            except ValueError:  # there are no weights for so many
                pass
        if expected is not None:
            close(served.serve_iterations(x, n), expected)
            continue
        with pytest.raises(tf.errors.InvalidArgumentError, match="`iterations`"):
            served.serve_iterations(x, n)
    every = output(inference.with_iterations(model, readout="all"), x)
    found = served.serve_all(x)
    close(found["logits"], every)
    sure = array(keras_recur.inference.confidence(every, batch_axes=2))
    close(found["confidence"], sure)
    if hasattr(served, "serve_until"):
        levels = np.sort(sure, axis=None)
        between = np.argmax(np.diff(levels))  # so that rounding decides nothing
        level = float(levels[between : between + 2].mean())
        rule = inference.StopRule("confidence", level)
        check_stopping(served.serve_until(x, level), model, rule, x)
        for n in (1, 2):
            rule = inference.StopRule("agreement", patience=n)
            check_stopping(served.serve_until_agreed(x, n), model, rule, x)


def check_stopping(found, model, rule, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that nothing met the rule
        expected = inference.EarlyExitPredictor(model, rule)(x)
    assert set(found) == {"logits", "iterations", "stopped", "confidence"}
    for name, tensor in found.items():
        close(tensor, getattr(expected, name))


@pytest.mark.once("tensorflow")
@pytest.mark.parametrize("variant", [*FAMILIES, "1d recall", "2d leaky, patches"])
def test_every_family(variant, tmp_path):
    model = small(**VARIANTS[variant], **FEW.get(variant, {})).recurrent
    served = export(model, tmp_path)
    check(served, model, inputs_for(model, 7))
    graph = variant in GRAPHS
    for name in ("serve_until", "serve_until_agreed"):
        assert hasattr(served, name) != graph
        assert (name in card_in(served)["not there"]) == graph


@pytest.mark.once("tensorflow")
def test_the_feedforward_twin(tmp_path):
    model = small(**VARIANTS["1d recall"]).feedforward
    check(export(model, tmp_path), model, inputs_for(model, 7))


@pytest.mark.once("tensorflow")  # From JAX and PyTorch: serve_cases.py
def test_functions_of_a_baked_network(tmp_path):
    model = small("mlp", templates=2).recurrent
    served = export(model, tmp_path)
    card = card_in(served)
    assert card["exported"]["backend"] == BACKEND
    assert (
        card["functions"]
        == [*served.signatures][:-1]
        == [
            "serve",
            "serve_iterations",
            "serve_all",
            "serve_until",
            "serve_until_agreed",
        ]
    )
    assert not any("coefficients" in v.name for v in served.parameters)
    model = keras_recur.analysis.bake(model)
    check(served, model, inputs_for(model, 7))


@pytest.mark.once("tensorflow")
def test_inputs_of_any_size_and_signatures_by_name(tmp_path):
    model = small("deep_thinking_2d").recurrent
    served = export(model, tmp_path, max_iterations=9)
    x = np.random.default_rng(3).normal(size=(2, 11, 8, 2)).astype("float32")
    close(served.serve(x), output(model, x))
    longer = output(inference.with_iterations(model, 9), x)
    found = served.serve_until(x, 2.0)  # nothing is so sure: all go to the maximum
    close(found["logits"], longer)
    assert not found["stopped"].numpy().any()
    assert list(found["iterations"].numpy()) == [9, 9]
    named = served.signatures["serve_iterations"](
        inputs=tf.constant(x), iterations=tf.constant(9)
    )
    close(*named.values(), longer)


@pytest.mark.once("tensorflow")
def test_an_answer_may_be_as_sure_as_its_positions_on_average(tmp_path):
    model = small("deep_thinking_1d").recurrent
    served = export(model, tmp_path, reduction="mean")
    x = inputs_for(model, 3)
    every = output(inference.with_iterations(model, readout="all"), x)
    sure = keras_recur.inference.confidence(every, "mean", batch_axes=2)
    close(served.serve_all(x)["confidence"], array(sure))
    close(served.serve_until(x, 2.0)["confidence"], array(sure)[:, -1])
    assert card_in(served)["stopping"]["positions"] == "mean"


@pytest.mark.once("tensorflow")
def test_serving_ends_when_all_may_stop(tmp_path):
    """It computes fewer iterations: a hundred million would never end."""
    model = small("deep_thinking_1d", iterations=2).recurrent
    served = export(model, tmp_path, max_iterations=100_000_000)
    x = inputs_for(model, 2)
    found = served.serve_until(x, 0.01)
    assert list(found["iterations"].numpy()) == [1, 1]
    close(found["logits"], output(inference.with_iterations(model, 1), x))
    rule = inference.StopRule("agreement", patience=2)
    expected = inference.EarlyExitPredictor(model, rule, max_iterations=50)(x)
    assert expected.stopped.all()
    found = served.serve_until_agreed(x, 2)
    assert list(found["iterations"].numpy()) == list(expected.iterations)
    close(found["logits"], expected.logits)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`patience`"):
        served.serve_until_agreed(x, 0)


@pytest.mark.once("tensorflow")
def test_further_stop_rules(tmp_path):
    model = small(**VARIANTS["1d recall"]).recurrent
    x = inputs_for(model, 7)
    rules = [inference.StopRule("kl", reduction="mean"), "residual"]
    served = export(model, tmp_path, stop_rules=rules, max_iterations=8)
    assert {"serve_until_kl", "serve_until_residual"} < set(
        card_in(served)["functions"]
    )
    for kind, reduction in (("kl", "mean"), ("residual", "min")):
        rule = inference.StopRule(kind, reduction=reduction)
        predictor = inference.EarlyExitPredictor(model, rule, 8)
        signals = np.stack([signal for _, signal, _ in predictor.follow(x)], axis=1)
        threshold = float(np.median(signals[:, rule.earliest - 1 :])) * 1.001
        rule = inference.StopRule(kind, threshold, reduction=reduction)
        expected = inference.EarlyExitPredictor(model, rule, 8)(x)
        found = getattr(served, f"serve_until_{kind}")(x, threshold)
        assert len(set(expected.iterations)) > 1
        for name in ("iterations", "stopped", "logits"):
            close(found[name], getattr(expected, name))


@pytest.mark.once("tensorflow")
@pytest.mark.parametrize("twin", ["recurrent", "feedforward"])
def test_random_networks_take_a_seed(twin, tmp_path):
    arguments = {"injection": "concat", "initial_state": "normal", "state_noise": 0.2}
    model = getattr(small("deep_thinking_1d", **arguments), twin)
    model = inference.with_iterations(model, noise=True)
    x = inputs_for(model, 5)
    served = export(model, tmp_path)
    assert "seed" in card_in(served)["random numbers"]
    first, again, other = (served.serve(x, seed).numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    with seed_scope(1):
        close(first, output(model, x))
    close(served.serve_iterations(x, 3, 1), first)
    close(served.serve_all(x, 1)["logits"][:, -1], first)
    close(served.serve_until(x, 1.0, 1)["logits"], first)
    steps = inference.Stepwise(model)
    close(steps.read(steps.advance(steps.start(x, 1), 0, 3)), first)


@pytest.mark.once("tensorflow")
def test_mixed_precision(tmp_path):
    model = small("mlp", dtype="mixed_bfloat16").recurrent
    served = export(model, tmp_path)
    x = inputs_for(model, 3)
    close(served.serve(x), output(model, x), 3e-2)


@pytest.mark.once("tensorflow")
def test_a_model_of_ones_own(tmp_path):
    """Layers of Keras around a loop, with neither the zoo nor a Readout."""
    block = keras.Sequential(
        [layers.Dense(6, "relu"), layers.BatchNormalization(), layers.Dropout(0.5)]
    )
    loop = SharedRecurrentBlock(block, 3)
    model = keras.Sequential([keras.Input((6,)), loop, layers.Dense(2)])
    model.compile("sgd", "mse")
    served = export(model, tmp_path)
    x = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    close(served.serve(x), output(model, x))
    close(served.serve_iterations(x, 6), output(inference.with_iterations(model, 6), x))
    assert "Readout" in card_in(served)["not there"]["serve_until"]
    assert not hasattr(served, "serve_until")


@pytest.mark.once("tensorflow")
def test_a_model_that_reads_all_states_itself(tmp_path):
    """What is behind the loop is shown as many states as there are iterations."""
    loop = SharedRecurrentBlock(layers.Dense(6, "relu"), 3, return_sequences=True)
    mean = layers.GlobalAveragePooling1D()
    model = keras.Sequential([keras.Input((6,)), loop, mean, layers.Dense(2)])
    served = export(model, tmp_path, max_iterations=4)
    x = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    for n in (2, 4):
        expected = output(inference.with_iterations(model, n), x)
        close(served.serve_iterations(x, n), expected)


@pytest.mark.once("tensorflow")
@pytest.mark.parametrize("kind", ["called twice", "sequences of a call", "start"])
def test_what_a_call_of_the_loop_says_counts(kind, tmp_path):
    loop, x = SharedRecurrentBlock(layers.Dense(6, "tanh"), 4), keras.Input((8, 6))
    if kind == "called twice":
        states = loop(layers.LayerNormalization()(loop(x)))
    elif kind == "start":
        states = loop(x, start=2)
    else:
        states = keras.ops.mean(loop(x, return_sequences=True), axis=1)
    model = keras.Model(x, layers.Dense(2)(states))
    served = export(model, tmp_path, max_iterations=4)
    x = np.random.default_rng(0).normal(size=(7, 8, 6)).astype("float32")
    close(served.serve(x), output(model, x))
    for n in card_in(served)["iterations"]["allowed"]:
        expected = output(inference.with_iterations(model, n), x)
        close(served.serve_iterations(x, n), expected)


@pytest.mark.once("tensorflow")
def test_a_readout_of_a_loop_that_is_called_twice(tmp_path):
    loop, x = SharedRecurrentBlock(layers.Dense(6, "tanh"), 4), keras.Input((6,))
    model = keras.Model(x, Readout(layers.Dense(2))(loop(loop(x))))
    served = export(model, tmp_path)
    x = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    close(served.serve(x), output(model, x))
    assert "called once" in card_in(served)["not there"]["serve_all"]
    close(served.serve_until(x, 1.0)["logits"], output(model, x))


@pytest.mark.once("tensorflow")
def test_several_inputs_and_no_loop(tmp_path):
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    both = layers.Dense(2)(layers.Concatenate()([a, b]))
    model = keras.Model({"a": a, "b": b}, both)
    served = export(model, tmp_path)
    x = {"a": np.ones((7, 3), "float32"), "b": np.ones((7, 2), "float32")}
    close(served.serve(x), array(model(x)))
    assert card_in(served)["functions"] == ["serve"]


@pytest.mark.once("tensorflow")
def test_functions_are_traced_once(tmp_path):
    class Counting(layers.Layer):
        def call(self, x):
            traced.append(isinstance(x, tf.Tensor))
            return x

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    model, traced = keras.Sequential([keras.Input((2,)), Counting()]), []
    assert card_in(export(model, tmp_path))["functions"] == ["serve"]
    assert traced == [True]


@pytest.mark.once("tensorflow")
def test_banks_that_run_any_number_are_not_baked(tmp_path):
    """Baked kernels would end where one template goes on."""
    model = small("mlp", templates=1, iterations=2).recurrent
    served = export(model, tmp_path)
    x = inputs_for(model, 3)
    close(served.serve_iterations(x, 5), output(inference.with_iterations(model, 5), x))


@pytest.mark.once("tensorflow")
def test_preprocessing_and_what_the_card_says(tmp_path):
    model = small("convnet", num_classes=10).recurrent
    front = keras_recur.data.preprocessing("mnist")
    served = export(model, tmp_path, preprocessing=front, card={"seed": 7})
    raw = np.random.default_rng(0).integers(0, 256, (3, 19, 19, 1)).astype("float32")
    expected = output(model, (raw / 255 - 0.1307) / 0.3081)
    close(served.serve(raw), expected)
    close(served.serve_all(raw)["logits"][:, -1], expected)
    card = card_in(served)
    assert card["seed"] == 7 and card["costs"]["macs"] > 0
    assert "mnist_preprocessing" in json.dumps(card["preprocessing"])


@pytest.mark.once("tensorflow")
@pytest.mark.filterwarnings("ignore:.*weights of the feedforward twin")
def test_a_published_entry_with_its_card(tmp_path):
    name = "deep_thinking_1d-prefix_sums"
    path = keras_recur.exporting.export_run(name, tmp_path / "new", max_iterations=30)
    served = tf.saved_model.load(str(path))
    test = keras_recur.data.load("prefix_sums", "test", 50, size=16, num_examples=50)
    x, y = test[0]
    assert (served.serve(x).numpy().argmax(-1) == y).mean() > 0.98
    card = card_in(served)
    assert card["recipe"]["epochs"] > 0 and card["scores"]["over seeds"]
    assert card["twin"] == "recurrent" and card["trained"]["processor"]


def run_onnx(path, x):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path))
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def run_litert(path, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the interpreter moves to a package
        runner = tf.lite.Interpreter(str(path)).get_signature_runner()
    (found,) = runner(**{next(iter(runner.get_input_details())): x}).values()
    return found


def run_torch(path, x):
    import torch

    return torch.export.load(str(path)).module()(torch.tensor(x)).detach().numpy()


# Each with its own program. Written by this backend or another, which takes longer.
FORMATS = {
    "onnx": (".onnx", run_onnx, ("tensorflow", "jax")),
    "litert": (".tflite", run_litert, ("torch",)),
    "torch": (".pt2", run_torch, ("tensorflow", "torch")),
}


@pytest.mark.parametrize(
    "format", [f for f, (*_, at) in FORMATS.items() if BACKEND in at]
)
def test_other_formats(format, tmp_path):
    ending, run, _ = FORMATS[format]
    model = small("mlp", templates=2).recurrent
    x = inputs_for(model, 7)
    path = keras_recur.export(model, tmp_path / f"model{ending}", format)
    for batch in (x, x[:1]):
        close(run(path, batch), output(model, batch))
