"""Test the invariants for families with template banks."""

import keras
import numpy as np
import pytest
from compare import array, output
from families import SOFT, inputs_for, labels_for, small, step

from keras_recur import inference, zoo
from keras_recur.layers import SharedRecurrentBlock, TemplateBank
from keras_recur.losses import IterationLoss
from keras_recur.regularizers import RecurrenceRegularizer

soft = pytest.mark.parametrize("variant", SOFT)


def build(variant, templates=2, **arguments):
    return small(**SOFT[variant], templates=templates, **arguments)


def loops_of(model):
    return [la for la in model.layers if isinstance(la, SharedRecurrentBlock)]


def close(actual, expected, tolerance=1e-5):
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, tolerance, tolerance * scale)


@soft
def test_untie_gives_equal_twins_with_banks(variant):
    pair = build(variant)
    x = inputs_for(pair.recurrent)
    expected = output(pair.recurrent, x)
    assert np.max(np.abs(output(pair.feedforward, x) - expected)) > 1e-3
    pair.untie()
    close(output(pair.feedforward, x), expected)


@soft
def test_tie_reverses_untie_and_rejects_other_kernels(variant):
    pair = build(variant)
    x = inputs_for(pair.recurrent)
    with pytest.raises(ValueError, match="mixes of 2 templates.*differ from any mix"):
        pair.tie()
    expected = output(pair.recurrent, x)
    pair.untie()
    for loop in loops_of(pair.recurrent):
        for weight in loop.weights:
            weight.assign(np.zeros(weight.shape))
    pair.tie()
    close(output(pair.recurrent, x), expected, 1e-4)


def test_tie_accepts_an_error_within_the_tolerance():
    pair = build("mlp")
    before = [array(w) for w in pair.recurrent.weights]
    with pytest.raises(ValueError, match=r"by (0\.\d+) of their norm"):
        pair.tie(tolerance=0.01)
    for weight, old in zip(pair.recurrent.weights, before, strict=True):
        np.testing.assert_array_equal(array(weight), old)
    pair.tie(tolerance=1.0)


@pytest.mark.once
@soft
def test_costs_of_banks_differ_from_the_twin_by_templates(variant):
    pair = build(variant)
    model = pair.recurrent
    shape = inputs_for(model).shape[1:]
    ours, twins = pair.costs(shape).recurrent, pair.costs(shape).feedforward
    assert (ours.macs, ours.effective_depth) == (twins.macs, twins.effective_depth)
    assert ours.activation_bytes == twins.activation_bytes
    assert ours.normalization_statistics == twins.normalization_statistics
    banks = [bank for loop in loops_of(model) for bank in loop.banks]
    coefficients = sum(bank.num_layers * 2 for bank in banks)
    assert ours.per_iteration_parameters - coefficients == (
        twins.per_iteration_parameters
    )
    saved = sum(
        (bank.num_layers - 2) * int(np.prod(bank.kernel_shape)) for bank in banks
    )
    assert twins.synapses - ours.synapses == saved > 0
    assert twins.parameters - ours.parameters == saved - coefficients


@pytest.mark.parametrize("variant", [v for v in SOFT if v != "swrn"])
def test_files_and_clones_keep_banks(variant, tmp_path):
    model = build(variant).recurrent
    x = inputs_for(model)
    expected = output(model, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    close(output(loaded, x), expected)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    close(output(clone, x), expected)
    y = labels_for(model, x)
    trained = [step(m, x, y, loss=IterationLoss(), rate=0.1) for m in (model, loaded)]
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        close(trained[1][id(theirs)][0], trained[0][id(ours)][0], 1e-4)


@pytest.mark.parametrize("variant", ["resnet_bn", "scnn"])
def test_banks_train_compiled(variant, jit):
    model = build(variant).recurrent
    x = inputs_for(model)
    found = step(model, x, labels_for(model, x), loss=IterationLoss(), jit=jit)
    for bank in loops_of(model)[0].banks:
        for weight in (bank.templates, bank.coefficients):
            assert np.abs(found[id(weight)][1]).max() > 0, weight.path


@pytest.mark.parametrize("variant", [v for v in SOFT if v != "swrn"])
def test_bank_readout_equals_fewer_iterations(variant):
    pair = build(variant, readout="all")
    x = inputs_for(pair.recurrent)
    every = output(pair.recurrent, x)
    shorter = inference.with_iterations(pair.recurrent, 2, readout="last")
    close(output(shorter, x), every[:, 1])
    with pytest.raises(ValueError, match="at most 3.*a template bank"):
        inference.with_iterations(pair.recurrent, 4)


def test_readout_of_several_loops_reads_the_last():
    model = build("swrn", readout="all").recurrent
    x = inputs_for(model)
    every = output(model, x)
    assert every.shape[1] == 3
    last = inference.with_iterations(model, readout="last")
    close(output(last, x), every[:, 2])
    np.testing.assert_array_equal(
        output(inference.with_iterations(last, readout="all"), x), every
    )


def test_stages_start_with_different_coefficients():
    stages = loops_of(build("swrn").recurrent)
    first, second, third = (array(s.banks[0].coefficients) for s in stages)
    assert not np.allclose(first, second) and not np.allclose(second, third)
    again = loops_of(build("swrn").recurrent)
    np.testing.assert_array_equal(array(again[0].banks[0].coefficients), first)


def test_recurrence_penalty_applies_to_every_bank_once():
    pair = build("swrn", recurrence_penalty=0.1)
    assert len(pair.recurrent.losses) == 3 and not pair.feedforward.losses
    for loop in loops_of(pair.recurrent):
        (bank,) = loop.banks
        regularizer = bank.coefficients_regularizer
        assert isinstance(regularizer, RecurrenceRegularizer)
        assert regularizer.strength == 0.1


@pytest.mark.once
def test_build_accepts_templates_and_template_banks():
    bank = TemplateBank(2, coefficients_initializer="ones")
    pair = small("resnet_bn", sharing=bank)
    (made,) = loops_of(pair.recurrent)[0].banks
    assert np.all(array(made.coefficients) == 1)
    again = zoo.build(pair.config.pop("name"), **pair.config)
    (made,) = loops_of(again.recurrent)[0].banks
    assert np.all(array(made.coefficients) == 1)
    pair = build("scnn", templates="layers")
    assert loops_of(pair.recurrent)[0].banks[0].num_templates == 3
    assert "templates='layers'" in repr(pair)
    assert zoo.build("scnn", width=4).config["templates"] == "layers"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"templates": 2, "sharing": "all"}, "Only one of `sharing` and"),
        ({"templates": 0}, "`templates` must be a positive integer"),
        ({"templates": "layer"}, "Did you mean 'layers'"),
        ({"recurrence_penalty": 0.1}, "recurrence_penalty=0.1 without `templates`"),
        (
            {"templates": 2, "recurrence_penalty": -1.0},
            "`recurrence_penalty`.*0 or more.*=-1.0",
        ),
        (
            {"recurrence_penalty": float("nan")},
            "`recurrence_penalty`.*finite.*0 or more.*=nan",
        ),
        (
            {"templates": 2, "recurrence_penalty": float("inf")},
            "`recurrence_penalty`.*finite.*=inf",
        ),
        (
            {"templates": 2, "recurrence_penalty": "0.1"},
            "`recurrence_penalty`.*='0.1'.*of type str",
        ),
    ],
)
def test_build_rejects_bad_templates(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.build("mlp", **arguments)


@pytest.mark.parametrize(("depth", "nearest"), [(27, 28), (10, 16), (30, 28)])
def test_swrn_rejects_other_depths(depth, nearest):
    with pytest.raises(
        ValueError, match=rf"6n \+ 4.*depth={depth}. Nearest: {nearest}"
    ):
        zoo.build("swrn", depth=depth, width=1)


def test_families_reject_unknown_arguments():
    with pytest.raises(ValueError, match="swrn has no argument 'iterations'.*depth"):
        zoo.build("swrn", iterations=3)
    with pytest.raises(ValueError, match="depth.*50, 101, 152"):
        zoo.build("swrn_bottleneck", depth=34)
    with pytest.raises(ValueError, match="num_classes=3. Allowed: 2"):
        zoo.build("scnn", num_classes=3)
