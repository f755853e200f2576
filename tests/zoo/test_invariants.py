"""Test the invariants of docs/architecture.md for every family and its options."""

import keras
import numpy as np
import pytest
from compare import array, close, far, output
from families import (
    FAMILIES,
    GRAPHS,
    VARIANTS,
    counterparts,
    inputs_for,
    labels_for,
    loop_of,
    places,
    sized,
    small,
    step,
    twins,
)

from keras_recur import inference, zoo
from keras_recur.losses import IterationLoss

variants = pytest.mark.parametrize("variant", VARIANTS)
families = pytest.mark.parametrize("name", FAMILIES)
GROUPS = [0, 1, 0]
EVERY = {"readout": "all", "sharing": GROUPS}  # Few kinds, because building is slow.


def build(variant, **arguments):
    return small(**VARIANTS[variant], **arguments)


def test_small_has_every_family():
    assert FAMILIES == [n for n in zoo.list_families() if n != "swrn_bottleneck"]


@variants
def test_untie_gives_equal_twins(variant):
    """Untie one set of weights with the last readout."""
    pair = build(variant, **EVERY)
    x = inputs_for(pair.recurrent)
    expected = output(pair.recurrent, x)
    assert far(output(pair.feedforward, x), expected)
    pair.untie()
    close(output(pair.feedforward, x), expected)
    close(output(pair.recurrent, x), expected, 0)


GRADIENTS = [
    *[(variant, "last", "all", "auto") for variant in VARIANTS],
    ("mlp", "all", GROUPS, "auto"),
    ("resnet_bn", "all", GROUPS, "auto"),
]
if (
    keras.backend.backend() == "tensorflow"
):  # XLA is slow, so two networks: dense, normalized
    GRADIENTS += [(v, "last", "all", True) for v in ("mlp", "resnet_bn", "1d recall")]


@pytest.mark.parametrize(("variant", "readout", "sharing", "jit"), GRADIENTS)
def test_shared_gradient_is_the_sum_over_the_copies(variant, readout, sharing, jit):
    pair = build(variant, readout=readout, sharing=sharing)
    pair.untie()
    x = inputs_for(pair.recurrent, batch=8)
    close(output(pair.feedforward, x), output(pair.recurrent, x))
    y = labels_for(pair.recurrent, x)
    loss = IterationLoss("uniform" if readout == "all" else "final")
    ours, twins = (
        step(model, x, y, loss=loss, jit=jit)
        for model in (pair.recurrent, pair.feedforward)
    )
    for weight, copies in counterparts(pair):
        value, gradient = ours[id(weight)]
        values, gradients = zip(*(twins[id(copy)] for copy in copies), strict=True)
        if weight.shape != copies[0].shape or not weight.trainable:  # One row each.
            close(value, np.concatenate(values) if len(copies) > 1 else values[0], 1e-4)
        if not weight.trainable:
            continue
        if weight.shape != copies[0].shape:
            expected = np.concatenate(gradients)
        else:
            expected = np.sum(gradients, axis=0)
        largest = np.max(np.abs(gradient))
        assert largest > 0, weight.path
        np.testing.assert_allclose(
            gradient, expected, 1e-3, 2e-5 * largest + 1e-7, err_msg=weight.path
        )


@pytest.mark.once
@pytest.mark.parametrize("variant", [v for v in VARIANTS if v not in GRAPHS])
def test_parameters_do_not_grow_with_iterations(variant):
    shape = sized(build(variant).config["input_shape"])
    costs = {n: build(variant, iterations=n).costs(shape) for n in (1, 3)}

    def own(twin):
        return twin.parameters - twin.per_iteration_parameters

    one = costs[1]
    assert one.recurrent.parameters == one.feedforward.parameters
    assert (
        one.recurrent.normalization_statistics
        == one.feedforward.normalization_statistics
    )
    recurrent, feedforward = costs[3].recurrent, costs[3].feedforward
    assert own(recurrent) == own(one.recurrent)
    assert own(feedforward) > own(recurrent)
    # Normalization per iteration costs the same in both twins.
    rows = 3 * one.recurrent.per_iteration_parameters
    assert recurrent.per_iteration_parameters == rows
    assert feedforward.per_iteration_parameters == rows
    assert recurrent.normalization_statistics == feedforward.normalization_statistics


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v not in ("swrn", *GRAPHS)])
def test_readout_equals_a_network_with_fewer_iterations(variant):
    pair = build(variant, **EVERY)
    pair.untie()
    x = inputs_for(pair.recurrent)
    every = output(pair.recurrent, x)
    assert far(every[:, 0], every[:, 1]) and far(every[:, 1], every[:, 2])
    shorter = build(variant, readout="last", sharing=GROUPS[:2], iterations=2)
    for target, source in zip(
        shorter.recurrent.weights, pair.recurrent.weights, strict=True
    ):
        target.assign(array(source)[: target.shape[0]])  # The first rows.
    shorter.untie()
    for twin in ("recurrent", "feedforward"):
        close(output(getattr(shorter, twin), x), every[:, 1])
        again = inference.with_iterations(getattr(pair, twin), 2, readout="last")
        close(output(again, x), every[:, 1])


@families
@twins
def test_files_configs_and_clones_keep_sharing(name, twin, tmp_path):
    model = getattr(small(name, **EVERY), twin)
    x = inputs_for(model)
    y = labels_for(model, x)
    expected = output(model, x)
    model.save(tmp_path / "model.keras")
    copies = {
        "file": keras.models.load_model(tmp_path / "model.keras"),
    }
    if twin == "recurrent":  # The feed-forward twin shares nothing.
        copies["config"] = type(model).from_config(model.get_config())
        copies["clone"] = keras.models.clone_model(model)
    for how, copy in copies.items():
        shapes = [w.shape for w in copy.weights]
        assert shapes == [w.shape for w in model.weights], how
        assert places(loop_of(copy)) == places(loop_of(model))
        if how != "file":
            copy.set_weights(model.get_weights())
        close(output(copy, x), expected)
    # Trained further, both models stay equal, so the loaded model is still tied.
    if twin == "recurrent" and name in ("mlp", "deep_thinking_1d"):
        loaded = copies["file"]
        step(model, x, y, loss=IterationLoss(), rate=0.1)
        step(loaded, x, y, loss=IterationLoss(), rate=0.1)
        for ours, theirs in zip(model.weights, loaded.weights, strict=True):
            close(array(theirs), array(ours), 1e-6)
        assert far(output(loaded, x), expected)
        close(output(loaded, x), output(model, x))


@families
@twins
def test_network_accepts_any_batch_size(name, twin):
    model = getattr(small(name), twin)
    x = inputs_for(model, batch=5)
    assert model.input_shape[0] is None
    close(model.predict(x, batch_size=3, verbose=0), output(model, x))


@families
def test_half_precision_approximates_full_precision(name):
    pair = small(name, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    assert pair.recurrent.output.dtype == pair.feedforward.output.dtype == "bfloat16"
    model = pair.recurrent
    x = inputs_for(model)
    assert "bfloat16" in str(model(x).dtype)
    half = output(model, x)
    full = output(small(name).recurrent, x)
    assert 0 < np.mean(np.abs(full - half)) < 0.05 * np.mean(np.abs(full))


@pytest.mark.parametrize(
    "name",
    [  # Compiling is slow, so two networks: dense, normalized.
        pytest.param(
            name, marks=() if name in ("mlp", "resnet_bn") else pytest.mark.once
        )
        for name in FAMILIES
    ],
)
def test_half_precision_keeps_weights_in_full_precision(name):
    model = small(name, dtype="mixed_bfloat16").recurrent
    x = inputs_for(model)
    before = [array(w) for w in model.trainable_weights]
    step(model, x, labels_for(model, x), loss=IterationLoss(), rate=0.1)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = array(weight)
        assert weight.dtype == "float32"
        assert np.isfinite(new).all() and not np.array_equal(new, old), weight.path


@variants
@pytest.mark.parametrize("options", [{}, EVERY], ids=["all", "groups"])
def test_tie_reverses_untie(variant, options):
    pair = build(variant, **options)
    rng = np.random.default_rng(3)
    values = [
        rng.uniform(size=w.shape).astype("float32") for w in pair.recurrent.weights
    ]
    pair.recurrent.set_weights(values)
    pair.untie()
    for weight in pair.recurrent.weights:
        weight.assign(np.zeros(weight.shape))
    pair.tie()
    for weight, value in zip(pair.recurrent.weights, values, strict=True):
        np.testing.assert_array_equal(array(weight), value)


@families
def test_tie_rejects_copies_that_differ(name):
    pair = small(name)
    pair.untie()
    before = [array(w) for w in pair.recurrent.weights]
    copy = next(
        copies[1]
        for weight, copies in counterparts(pair)
        if weight.name == "kernel" and len(copies) > 1
    )
    copy.assign(copy + 0.125)
    with pytest.raises(ValueError, match=rf"{copy.path} by 0\.125"):
        pair.tie()
    for weight, old in zip(pair.recurrent.weights, before, strict=True):
        np.testing.assert_array_equal(array(weight), old)
    pair.tie(tolerance=0.2)


def test_tie_rejects_twins_of_different_width():
    pair = small("mlp", match="parameters", width=8)
    for change in (pair.tie, pair.untie):
        with pytest.raises(ValueError, match="different width.*match='depth'"):
            change()
