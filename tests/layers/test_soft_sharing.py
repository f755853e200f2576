"""Loops whose kernels are mixed from banks of templates."""

import math

import h5py
import keras
import numpy as np
import pytest
from compare import array, close, weights
from harness import (
    LOOPS,
    GatedCell,
    Nested,
    Penalty,
    dense,
    model_of,
    normal,
    train,
    unseeded,
)
from keras import layers, ops

from keras_recur.layers import (
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
)
from keras_recur.regularizers import RecurrenceRegularizer

loops = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())


def soft(block, k=2, iterations=3, start="orthogonal_rows", **arguments):
    bank = TemplateBank(k, coefficients_initializer=start, seed=1)
    return SharedRecurrentBlock(block, iterations, sharing=bank, **arguments)


def linear(units=4):
    return layers.Dense(units, bias_initializer="random_normal")


def kernels_of(bank):
    """Return all kernels of a bank, computed by hand."""
    matrix = array(bank.coefficient_matrix())
    return np.tensordot(matrix, array(bank.templates), axes=1)


# What has weights


def several_shapes():
    return keras.Sequential(
        [
            layers.Conv1D(6, 3, padding="same"),
            layers.DepthwiseConv1D(3, padding="same"),
            layers.Conv1D(4, 3, padding="same", use_bias=False),
            layers.Conv1D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
        ]
    )


def normalized():
    return model_of(dense(), TimeSpecificBatchNormalization(affine="per_iteration"))


def partly_frozen():
    return keras.Sequential([dense(trainable=False), dense(use_bias=False)])


# Block, shape of the state, kernels per iteration by shape, other weights.
BLOCKS = {
    "dense": (dense, (4,), {(4, 4): 1}, 4),
    "several shapes": (
        several_shapes,
        (5, 4),
        {(3, 4, 6): 1, (3, 6, 1): 1, (3, 6, 4): 1, (3, 4, 4): 1},
        6 + 6 + 4 * 4,
    ),
    "several of a shape": (
        lambda: keras.Sequential([dense(), Nested(dense(use_bias=False)), dense()]),
        (4,),
        {(4, 4): 3},
        2 * 4,
    ),
    "functional": (normalized, (4,), {(4, 4): 1}, 4 + 4 * 4),
    "nested": (lambda: Nested(normalized()), (4,), {(4, 4): 1}, 4 + 4 * 4),
    "partly frozen": (partly_frozen, (4,), {(4, 4): 1}, 4 * 4 + 4),
}


@pytest.mark.parametrize(
    ("make", "shape", "kernels", "others"), BLOCKS.values(), ids=BLOCKS.keys()
)
def test_template_loop_has_banks_and_rows_but_no_prototype(
    make, shape, kernels, others, tmp_path
):
    loop = soft(make(), k=2)
    model = model_of(loop, shape=shape)
    sizes = {bank.kernel_shape: bank.num_layers for bank in loop.banks}
    assert sizes == {shape: 3 * number for shape, number in kernels.items()}
    assert all(bank.num_templates == 2 for bank in loop.banks)
    mixed = sum(2 * math.prod(s) + 2 * n for s, n in sizes.items())
    assert model.count_params() == mixed + 3 * others
    assert not {id(w) for w in loop.block.weights} & {id(w) for w in model.weights}
    assert len({w.path for w in model.weights}) == len(model.weights)
    # The prototype is not in the file, and its values do not matter.
    model.save_weights(tmp_path / "saved.weights.h5")
    saved = []
    with h5py.File(tmp_path / "saved.weights.h5") as file:
        file.visititems(lambda _, found: saved.append(getattr(found, "size", 0)))
    assert sum(saved) == model.count_params()
    x = normal(2, *shape)
    expected = array(model(x))
    for weight in loop.block.weights:
        weight.assign(np.full(weight.shape, np.nan))
    close(array(model(x)), expected, 0)


def test_template_loop_starts_every_iteration_like_a_copy():
    """Biases use the block's initializers, kernels the bank's."""
    loop = soft(layers.Dense(4, bias_initializer="random_normal"), k=3)
    loop.build((None, 4))
    (rows,) = [array(w) for w in loop.weights if "bias" in w.path]
    assert rows.shape == (3, 4)
    assert all(np.abs(rows[i] - rows[j]).max() > 1e-2 for i, j in [(0, 1), (1, 2)])


def test_template_loop_has_a_bank_for_each_shape():
    given = [TemplateBank(1), TemplateBank(5, (6, 4), 3, seed=2)]
    loop = SharedRecurrentBlock(keras.Sequential([dense(6), dense()]), 3, given)
    loop.build((None, 4))
    found = [(bank.kernel_shape, bank.num_templates) for bank in loop.banks]
    assert found == [((4, 6), 1), ((6, 4), 5)]


# What is computed


@pytest.mark.parametrize("unroll", [True, False])
@pytest.mark.parametrize(
    ("injection", "channels"),
    [(None, None), ("add", None), ("concat", None), ("concat", 3)],
)
def test_template_loop_has_a_kernel_and_bias_per_iteration(injection, channels, unroll):
    x = normal(2, 4)
    other = () if channels is None else (normal(2, channels, seed=1),)
    layer = soft(linear(), injection=injection, unroll=unroll)
    states = array(layer(x, *other, return_sequences=True))
    kernels, (bias,) = kernels_of(layer.banks[0]), weights(layer)[:1]
    assert bias.shape == (3, 4)
    state, shown = x, (other or (x,))[0]
    for t in range(3):
        if injection == "add":
            state = state + shown
        if injection == "concat":
            state = np.concatenate([state, shown], axis=-1)
        state = state @ kernels[t] + bias[t]
        close(states[:, t], state)
    close(array(layer(x, *other)), state)


def plain():
    return keras.Sequential([layers.BatchNormalization(), dense()])


def of_all_kinds():
    """Return a block with three shapes of kernels, both normalizations and a loss."""
    first = [dense(), dense(6), TimeSpecificBatchNormalization(affine="per_iteration")]
    return keras.Sequential(
        [*first, dense(), Nested(Penalty()), dense(), *plain().layers]
    )


# Block, templates, their start, arguments of the loop, of the call.
EQUAL = {
    "as many templates as layers": (plain, 3, "identity", {}, {}),
    "fewer": (of_all_kinds, 2, "orthogonal", {"injection": "add"}, {}),
    "more": (plain, 4, "orthogonal", {"unroll": False, "remat": True}, {}),
    "one": (plain, 1, "ones", {"injection": "concat"}, {}),
    "progressive": (plain, 2, "orthogonal", {"remat": True}, {"progressive": True}),
}
COMPILED = [(case, "auto") for case in EQUAL]
if keras.backend.backend() == "tensorflow":  # XLA takes long.
    COMPILED += [("more", True), ("one", True)]


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # torch
@pytest.mark.parametrize(("case", "jit"), COMPILED)
def test_template_loop_trains_like_the_untied_loop_by_the_chain_rule(
    case, jit, monkeypatch
):
    block, k, start, arguments, call = EQUAL[case]
    # Progressive: one iteration without gradient, one with gradient, one not run.
    draws = ops.convert_to_tensor([0.5, 0.1])
    monkeypatch.setattr(keras.random, "uniform", lambda *_, **__: draws)
    ours = soft(block(), k, start=start, **arguments)
    free = SharedRecurrentBlock(block(), 3, sharing="none", **arguments)
    models = [model_of(lambda x, la=la: la(x, **call)) for la in (ours, free)]
    for copy, values in zip(free.blocks, ours.weight_sharing.values(), strict=True):
        copy.set_weights(values)

    def kernels(shape):
        every = [w for copy in free.blocks for w in copy.trainable_weights]
        return np.stack([array(w) for w in every if tuple(w.shape) == shape])

    shapes = [bank.kernel_shape for bank in ours.banks]
    before = {shape: kernels(shape) for shape in shapes}
    start = [weights(bank) for bank in ours.banks]
    for bank in ours.banks:
        close(kernels_of(bank), before[bank.kernel_shape])
    x, rate = normal(8, 4), 0.5
    close(array(models[0](x)), array(models[1](x)))
    results = [train(model, x, jit, rate=rate) for model in models]
    close(results[0]["loss"], results[1]["loss"])
    for bank, (templates, coefficients) in zip(ours.banks, start, strict=True):
        shape = bank.kernel_shape
        step = kernels(shape) - before[shape]
        assert np.abs(step).max() > 1e-3
        of_templates = np.tensordot(coefficients.T, step, axes=1)
        of_coefficients = step.reshape(len(step), -1) @ templates.reshape(k, -1).T
        close(array(bank.templates), templates + of_templates)
        close(array(bank.coefficients), coefficients + of_coefficients)
    for copy, values in zip(free.blocks, ours.weight_sharing.values(), strict=True):
        for weight, value in zip(copy.weights, values, strict=True):
            if tuple(weight.shape) not in shapes:
                close(value, array(weight))


@loops
def test_template_loop_updates_statistics_of_every_iteration_once(loop):
    norm = layers.BatchNormalization(momentum=0.5, scale=False, center=False)
    layer, x = soft(keras.Sequential([linear(), norm]), **loop), normal(16, 4)
    layer(x, training=False)
    bias, means, variances, *_ = weights(layer)
    close([means, variances], [np.zeros((3, 4)), np.ones((3, 4))], 0)
    layer(x, training=True)
    for t, kernel in enumerate(kernels_of(layer.banks[0])):
        x = x @ kernel + bias[t]
        means[t], variances[t] = x.mean(0) / 2, (1 + x.var(0)) / 2
        x = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)
    close(weights(layer)[1:3], [means, variances], 1e-4)


def test_template_loop_applies_regularizers_once():
    bank = TemplateBank(
        2,
        coefficients_regularizer=RecurrenceRegularizer(0.1),
        coefficients_initializer="ones",
    )
    penalty = keras.regularizers.L2(0.5)
    inner = keras.Sequential(
        [dense(6, kernel_regularizer=penalty), dense(bias_regularizer=penalty)]
    )
    model = model_of(SharedRecurrentBlock(inner, 3, sharing=bank))
    for again in (model, keras.models.clone_model(model)):
        layer = again.layers[1]
        first, second = layer.banks
        (bias,) = [w for w in layer.weights if w.shape == (3, 4)]
        bias.assign(normal(3, 4))
        expected = [
            -0.1 * 9,
            -0.1 * 9,
            0.5 * np.sum(array(first.templates) ** 2),
            0.5 * np.sum(array(bias) ** 2),
        ]
        assert second.templates_regularizer is None
        losses = [float(array(loss)) for loss in again.losses]
        close(sorted(losses), sorted(expected))
    own = TemplateBank(2, templates_regularizer=keras.regularizers.L1(0.25))
    model = model_of(SharedRecurrentBlock(inner, 3, sharing=own))
    (first, second), found = model.layers[1].banks, model.losses
    assert len(found) == 3  # The bank's own goes before the block's.
    for bank in (first, second):
        expected = 0.25 * np.sum(np.abs(array(bank.templates)))
        assert any(float(array(loss)) == pytest.approx(expected) for loss in found)


def test_template_loop_adds_activity_losses_of_every_iteration():
    penalty = keras.regularizers.L1(1.0)
    layer = soft(dense(activity_regularizer=penalty))
    model, x = model_of(layer), normal(1, 4)
    states = array(layer(x, return_sequences=True))
    model(x)
    assert float(array(sum(model.losses))) == pytest.approx(np.abs(states).sum())


# How many iterations

# Templates, labels, and the weights that five more iterations run on.
REPEATING = {
    "one template": ({"num_templates": 1}, [3] * 5),
    "folded to one": ({"num_templates": 1, "labels": [0] * 4}, [3] * 5),
    "period 2": ({"num_templates": 2, "labels": [0, 1] * 2}, [2, 3, 2, 3, 2]),
    "period 3": ({"num_templates": 4, "labels": [0, 1, 1] * 2}, [3, 4, 5, 3, 4]),
    "cut off": ({"num_templates": 2, "labels": [0, 1, 0, 1, 0]}, [3, 4, 3, 4, 3]),
}


@pytest.mark.parametrize("unroll", [True, False])
@pytest.mark.parametrize("case", REPEATING)
def test_template_loop_repeats_periodic_kernels_in_longer_runs(case, unroll):
    arguments, rows = REPEATING[case]
    count = len(arguments.get("labels", [0] * 4))
    bank = TemplateBank(**arguments, num_layers=count)
    layer = SharedRecurrentBlock(linear(), count, sharing=bank, unroll=unroll)
    layer.build((None, 4))
    for seed, weight in enumerate(layer.weights):  # Scales and biases of their own.
        weight.assign(normal(*weight.shape, seed=seed))
    kernels, bias = kernels_of(layer.banks[0]), array(layer.weights[0])
    x = state = normal(2, 4)
    states = array(layer(x, iterations=count + 5, return_sequences=True))
    for t, row in enumerate([*range(count), *rows]):
        state = state @ kernels[row] + bias[row]
        np.testing.assert_allclose(states[:, t], state, 1e-4)
    np.testing.assert_allclose(array(layer(x, iterations=count + 5)), state, 1e-4)
    close(array(layer(x)), states[:, count - 1])


@pytest.mark.parametrize("arguments", [{}, {"labels": [0], "num_layers": 1}])
def test_template_loop_of_one_kernel_is_endless(arguments):
    bank, x = TemplateBank(1, **arguments), normal(2, 4)
    layer = SharedRecurrentBlock(linear(), 1, sharing=bank)
    close(array(layer(x, iterations=2)), array(layer(layer(x))))


@pytest.mark.parametrize("unroll", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        {"num_templates": 2},
        {"num_templates": 2, "labels": [0, 0, 1], "num_layers": 3},
        {"num_templates": 2, "labels": [0, 1, 0], "num_layers": 3},  # Half a turn.
    ],
)
def test_template_loop_refuses_more_iterations_without_a_period(arguments, unroll):
    layer = SharedRecurrentBlock(linear(), 3, TemplateBank(**arguments), unroll=unroll)
    x = normal(2, 4)
    states = array(layer(x, return_sequences=True))
    assert layer(x, iterations=2, return_sequences=True).shape == (2, 2, 4)
    close(array(layer(x, iterations=2)), states[:, 1])
    for state in (x, keras.KerasTensor((2, 4))):
        with pytest.raises(ValueError, match="at most 3.*no weights for more.*=4.*one"):
            layer(state, iterations=4)


# It comes back


def dropping():
    inner = keras.Sequential([dense(6), layers.BatchNormalization()])
    return keras.Sequential([inner, dense(), layers.Dropout(0.3, seed=3)])


def called_twice():
    layer = soft(dropping(), iterations=2)
    return model_of(layer, lambda x: layer(x, iterations=1))


def with_a_list():
    banks = [
        TemplateBank(2, coefficients_regularizer=RecurrenceRegularizer()),
        TemplateBank(None, templates_regularizer="l2"),
    ]
    return model_of(
        SharedRecurrentBlock(
            keras.Sequential([dense(6), dense()]),
            2,
            banks,
            injection="add",
            return_sequences=True,
        )
    )


def folded():
    bank = TemplateBank(3, num_layers=4, labels=[0, 1, 0, 1])
    return model_of(SharedRecurrentBlock(normalized(), 4, bank))


def of_a_nest():
    inputs = keras.Input((4,))
    return keras.Model(inputs, soft(GatedCell(), k=3)((inputs, inputs))[0])


def half():
    return model_of(soft(dense(dtype="mixed_bfloat16")))


@pytest.mark.parametrize("make", [called_twice, with_a_list, folded, of_a_nest, half])
def test_template_loop_survives_files_and_clones(make, tmp_path):
    model = make()
    for seed, weight in enumerate(model.weights):  # Nothing is as it started.
        weight.assign(0.1 + 0.3 * np.abs(normal(*weight.shape, seed=seed)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    x = normal(8, 4)
    for copy in (loaded, clone):
        banks = [bank.get_config() for bank in copy.layers[1].banks]
        assert banks == [bank.get_config() for bank in model.layers[1].banks]
        assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
        assert not {id(w) for w in copy.weights} & {id(w) for w in model.weights}
        close(array(copy(x)), array(model(x)), 1e-6)
        close([array(x) for x in copy.losses], [array(x) for x in model.losses])
    results = [train(m, x, epochs=2) for m in (model, loaded)]
    close(*map(unseeded, results))


def test_template_loop_accepts_repeated_names_in_a_block():
    """On PyTorch Keras zeroes gradients by path; equal paths would add them up."""
    halves = [keras.Sequential([dense(name="same")], name=name) for name in "ab"]
    model = model_of(soft(keras.Sequential(halves)))
    paths = [w.path for w in model.weights]
    assert len(set(paths)) == len(paths)


def test_template_loop_frozen_is_not_trained():
    """Statistics do not change either; Keras does not update frozen layers."""
    layer = soft(dropping(), unroll=False, remat=True)
    model = model_of(layer, layers.Dense(4))
    layer.trainable = False
    assert layer.trainable_weights == []
    start = weights(model)
    frozen = train(model)["weights"]
    layer.trainable = True
    moved = train(model)["weights"]
    for n, (old, same, new) in enumerate(zip(start, frozen, moved, strict=True)):
        assert np.array_equal(old, same) == (n < len(start) - 2)
        assert not np.array_equal(same, new)


# Bad input


def no_kernel():
    return keras.Sequential([layers.BatchNormalization(), layers.ReLU()])


def two_shapes():
    return keras.Sequential([dense(6), dense()])


BAD_SHARING = [
    (no_kernel, TemplateBank(2), "no layer: the block has no kernel.*gamma.*'all'"),
    (layers.ReLU, TemplateBank(2), "no layer: the block has no kernel"),
    (
        lambda: dense(trainable=False),
        TemplateBank(2),
        "no kernel to mix .no trainable weight of two or more axes",
    ),
    (
        dense,
        TemplateBank(2, (4, 5)),
        r"`kernel_shape` does not fit.*=\(4, 5\) where the block has \(4, 4\)",
    ),
    (
        dense,
        TemplateBank(2, num_layers=4),
        "`num_layers` does not fit.*num_layers=4 where the block has 3.*Leave it out",
    ),
    (
        two_shapes,
        TemplateBank(2, num_layers=2, labels=[0, 1]),
        "num_layers=2 where the block has 3",
    ),
    (two_shapes, TemplateBank(2, (4, 6)), r"=\(4, 6\) where the block has \(6, 4\)"),
    (
        two_shapes,
        [TemplateBank(2)],
        r"every shape of kernel.*1 banks for kernels of shapes \[\(4, 6\), \(6, 4\)\]",
    ),
    (dense, [TemplateBank(2)] * 2, "2 banks for kernels"),
    (
        two_shapes,
        [TemplateBank(2, (6, 4)), TemplateBank(2, (4, 6))],
        r"=\(6, 4\) where the block has \(4, 6\)",
    ),
]


@pytest.mark.parametrize(("make", "sharing", "message"), BAD_SHARING)
def test_template_loop_refuses_banks_that_do_not_fit(make, sharing, message):
    for x in (normal(2, 4), keras.KerasTensor((None, 4))):
        loop = SharedRecurrentBlock(make(), 3, sharing=sharing)
        with pytest.raises(ValueError, match=f"(?s){message}"):
            loop(x)


@pytest.mark.parametrize("sharing", [[TemplateBank(2), 0], TemplateBank, {"bank": 1}])
def test_loop_refuses_invalid_sharing(sharing):
    with pytest.raises(ValueError, match="group ids, integers, or a TemplateBank"):
        SharedRecurrentBlock(dense(), 2, sharing=sharing)


@loops
def test_template_loop_refuses_blocks_that_change_the_state(loop):
    with pytest.raises(ValueError, match="must keep its state's structure, shape"):
        soft(dense(5), **loop)(normal(2, 4))


def test_template_loop_seed_does_not_depend_on_names():
    loops = [SharedRecurrentBlock(dense(), 2, TemplateBank(2, seed=3)) for _ in "ab"]
    for loop in loops:
        loop(normal(2, 4))
    first, second = (loop.banks[0] for loop in loops)
    close(array(first.templates), array(second.templates), 0)
    close(array(first.coefficients), array(second.coefficients), 0)
    other = SharedRecurrentBlock(dense(), 2, TemplateBank(2, seed=4))
    other(normal(2, 4))
    assert np.abs(array(other.banks[0].templates) - array(first.templates)).max() > 0.01


# What a bank cannot mix


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dense(kernel_constraint="non_neg"), "cannot be constrained.*NonNeg"),
        (
            lambda: keras.Sequential([layers.SpectralNormalization(dense())]),
            "cannot be written.*kernel",
        ),
        (
            lambda: keras.Sequential([dense(kernel_regularizer="l2"), dense()]),
            "same dtype and regularizer",
        ),
    ],
    ids=["constraint", "written kernel", "two regularizers"],
)
def test_template_loop_refuses_kernels_that_cannot_be_mixed(make, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        soft(make()).build((None, 4))


def test_template_loop_refuses_a_stateful_rnn():
    rnn = layers.GRU(4, return_sequences=True, stateful=True)
    with pytest.raises(ValueError, match="cannot be written.*gru.*/rnn_state"):
        soft(rnn)(normal(3, 5, 4))


def test_template_loop_applies_constraints_and_regularizers_per_row():
    block = dense(
        bias_constraint=keras.constraints.UnitNorm(axis=0),
        bias_regularizer=lambda b: ops.square(ops.sum(b)),
        bias_initializer="random_normal",
    )
    loop = soft(block)
    model = model_of(loop)
    (rows,) = [v for v in loop.trainable_variables if "bias" in v.path]
    expected = np.square(array(rows).sum(axis=1)).sum()
    close(float(array(sum(model.losses))), float(expected))
    train(model, epochs=2)
    close(np.linalg.norm(array(rows), axis=1), np.ones(3))


@pytest.mark.parametrize("change", ["lora", "freeze"])
def test_template_loop_refuses_a_changed_prototype(change):
    loop, x = soft(layers.Dense(4)), normal(2, 4)
    loop(x)
    if change == "lora":
        loop.block.enable_lora(2)
    else:
        loop.block.trainable = False
    with pytest.raises(ValueError, match="must keep the weights.*analysis.bake"):
        loop(x)
