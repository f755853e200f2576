"""Folding: kept outputs, saved parameters, and errors from angles only."""

import keras
import numpy as np
import pytest
from banked import MODELS, banks, dense, inputs_for, kernels, pair, tie
from compare import array, close, far, output, weights

from keras_recur import inference
from keras_recur.analysis import bake, find_loop, fold, layer_similarity


def folded_bank(model, *arguments):
    (bank,) = banks(fold(model, *arguments)).values()
    return bank


def relative_errors(model, *arguments):
    """Return how far folding moved each kernel, relative to its length."""
    (bank,) = banks(model).values()
    before, after = kernels(bank), kernels(folded_bank(model, *arguments))
    return np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)


@pytest.mark.parametrize("name", MODELS)
def test_fold_at_threshold_1_keeps_outputs(name):
    model = MODELS[name]()
    x = inputs_for(model)
    for scales in (None, (1, 1, 1, 1), (1, -0.3, 2.5, -1)):
        labels = {}
        for key, bank in banks(model).items():
            labels[key] = [0] * bank.num_layers if bank.num_templates == 1 else None
            if bank.num_templates > 1 and scales:
                labels[key] = tie(bank, "ABAB", scales)
        before, expected = weights(model), output(model, x)
        assert np.isfinite(expected).all() and far(expected, expected[:1])
        folded = fold(model, 1.0)
        close(output(folded, x), expected)
        assert {key: bank.labels for key, bank in banks(folded).items()} == labels
        assert folded.count_params() < model.count_params() or not scales
        for weight in folded.weights:
            weight.assign(array(weight) + 1)
        for old, now in zip(before, weights(model), strict=True):
            np.testing.assert_array_equal(old, now)


def test_fold_works_with_xla(jit):
    model = pair(iterations=4).recurrent
    (bank,) = banks(model).values()
    tie(bank, "ABAB", (1, -2, 1, 0.5))
    folded, x = fold(model, 1.0), inputs_for(model)
    folded.compile(jit_compile=jit)
    close(folded.predict(x, verbose=0), output(model, x))


def test_fold_works_in_mixed_precision():
    model = pair(dtype="mixed_bfloat16").recurrent
    (bank,) = banks(model).values()
    labels = tie(bank, "AABA", (1, -2, 1, 0.5))
    folded, x = fold(model, 1.0), inputs_for(model)
    assert banks(folded)["recurrent/bank_3x3x4x4"].labels == labels
    expected = output(model, x)
    close(output(folded, x), expected, 0.03 * np.abs(expected).max())


def test_fold_shrinks_parameters_and_files(tmp_path):
    model = pair(templates=3, width=16).recurrent
    (bank,) = banks(model).values()
    tie(bank, "ABAB", (1, -2, 1, 0.5))
    folded, x = fold(model, 1.0), inputs_for(model)
    # One template less, and 4 scales instead of 4 x 3 coefficients.
    assert model.count_params() - folded.count_params() == 3 * 3 * 16 * 16 + 8
    sizes = []
    for stage, saved in (("before", model), ("after", folded)):
        saved.save(tmp_path / f"{stage}.keras")
        saved.save_weights(tmp_path / f"{stage}.weights.h5")
        files = tmp_path / f"{stage}.keras", tmp_path / f"{stage}.weights.h5"
        sizes.append([file.stat().st_size for file in files])
    (archive, file), (small_archive, small_file) = sizes
    assert archive - small_archive > 8000 and file - small_file > 8000
    expected = output(folded, x)
    again = keras.models.load_model(tmp_path / "after.keras")
    np.testing.assert_array_equal(output(again, x), expected)
    assert banks(again)["recurrent/bank_3x3x16x16"].labels == [0, 1, 0, 1]
    other = fold(model, 1.0)
    for weight in other.weights:
        weight.assign(array(weight) * 0)
    other.load_weights(tmp_path / "after.weights.h5")
    np.testing.assert_array_equal(output(other, x), expected)


def test_folded_periodic_loop_runs_more_iterations():
    model = pair(templates=3).recurrent
    (bank,) = banks(model).values()
    tie(bank, "ABAB", (1, -2, 1, 0.5))
    folded, x = fold(model, 1.0), inputs_for(model)
    longer = output(inference.with_iterations(folded, 7), x)
    # By hand on plain blocks: later iterations use the last one of the same phase.
    blocks = bake(folded).get_layer("recurrent").blocks
    state = folded.get_layer("projection")(x)
    for t in (0, 1, 2, 3, 2, 3, 2):
        state = blocks[t](state)
    expected = array(folded.get_layer("readout")(state))
    close(longer, expected)
    assert far(longer, output(folded, x))
    with pytest.raises(ValueError, match="at most 4 here"):
        inference.with_iterations(model, 7)
    for pattern in ("AAAB", "AABA"):  # Nothing repeats in full.
        tie(bank, pattern, (1, -2, 1, 0.5))
        with pytest.raises(ValueError, match="at most 4 here.*folds into a loop"):
            inference.with_iterations(fold(model, 1.0), 7)


def test_fold_of_two_layers_loses_half_their_angle():
    model = dense(num_layers=2)
    (bank,) = banks(model).values()
    bank.coefficients.assign([[2.0, 0.5], [-0.3, -0.2]])
    similarity = layer_similarity(model)[bank.name].kernels[0, 1]
    assert 0.5 < similarity < 0.99
    assert folded_bank(model, similarity + 1e-6).labels is None
    close(relative_errors(model, similarity + 1e-6), np.zeros(2), 0)
    errors = relative_errors(model, similarity - 1e-6)
    close(errors, np.full(2, np.sqrt((1 - similarity) / 2)))


def test_fold_of_more_layers_loses_tail_of_singular_values():
    model = dense(num_layers=5, templates=4)
    (bank,) = banks(model).values()
    rows = kernels(bank)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    tail = np.linalg.svd(units, compute_uv=False)[1:]
    assert tail[0] > 0.1
    close(np.sum(relative_errors(model, 0.0) ** 2), np.sum(tail**2))


def test_fold_keeps_scale_of_templates():
    """The longest kernel of a cluster is kept, since weight decay sees templates."""
    model = dense(num_layers=4, templates=3)
    (bank,) = banks(model).values()
    tie(bank, "ABAB", (3, -2, -5, 0.1))
    lengths = np.linalg.norm(kernels(bank), axis=1)
    bank = folded_bank(model, 1.0)
    assert bank.templates.shape == (2, 4, 4) and bank.directions is None
    close(array(bank.scales), [-3 / 5, 1, 1, -0.1 / 2])
    found = np.linalg.norm(array(bank.templates).reshape(2, -1), axis=1)
    close(found, lengths[[2, 1]])


def test_fold_ties_coefficients_with_more_clusters_than_templates():
    model = dense(num_layers=4, templates=2)
    (bank,) = banks(model).values()
    labels = tie(bank, "ABCA", (1, 2, -1, -0.5))
    before = kernels(bank)
    bank = folded_bank(model, 1.0)
    assert bank.labels == labels == [0, 1, 2, 0]
    assert bank.directions.shape == (3, 2) and bank.templates.shape == (2, 4, 4)
    close(kernels(bank), before)
    x = inputs_for(model)
    close(output(fold(model, 1.0), x), output(model, x))


@pytest.mark.parametrize("name", ["dense", "scnn"])
def test_fold_drops_unused_templates(name):
    """Nothing is tied, but there are more templates than layers."""
    if name == "dense":
        model = dense(num_layers=2, templates=5)
    else:
        model = pair(iterations=2, templates=5).recurrent
    ((key, bank),) = banks(model).items()
    folded, x = fold(model, 1.0), inputs_for(model)
    close(output(folded, x), output(model, x))
    smaller = banks(folded)[key]
    assert smaller.labels == [0, 1] and smaller.num_templates == 2
    # Three templates less, and 2 scales instead of 2 x 5 coefficients.
    spare = 3 * np.prod(bank.kernel_shape) + 2 * 5 - 2
    assert model.count_params() - folded.count_params() == spare
    assert folded.count_params() == fold(folded, 1.0).count_params()


def test_fold_keeps_layers_of_zeros_trainable():
    model = dense(num_layers=4)
    (bank,) = banks(model).values()
    rows = np.array([[0, 0], [1, 0.5], [0, 0], [2, 1]], "float32")
    bank.coefficients.assign(rows)
    assert folded_bank(model, 0.5).labels == [0, 1, 2, 1]
    one = folded_bank(model, 0.0)
    assert one.labels == [0, 0, 0, 0]
    scales = array(one.scales)
    assert not scales[[0, 2]].any() and scales[[1, 3]].all()
    bank.coefficients.assign(rows * 0)
    folded = fold(model, 0.0)
    (bank,) = banks(folded).values()
    assert not array(bank.mix()).any()
    folded.compile(keras.optimizers.SGD(0.1), "mse")
    folded.train_on_batch(inputs_for(model), np.ones((3, 4)))
    assert array(bank.mix()).any()  # They can leave zero.


def test_fold_clusters_in_given_space():
    """With nearly equal templates, kernels are similar but coefficients are not."""
    model = dense(num_layers=2, name="bank")
    (bank,) = banks(model).values()
    templates = array(bank.templates)
    templates[1] = templates[0] + 0.1 * templates[1]
    bank.templates.assign(templates)
    bank.coefficients.assign([[1.0, 0.1], [0.1, 1.0]])
    assert folded_bank(model, 0.9).labels == [0, 0]
    assert folded_bank(model, 0.9, "coefficients").labels is None
    found = layer_similarity(model)["bank"]
    assert found.coefficients[0, 1] < 0.5 and found.kernels[0, 1] > 0.9


def test_fold_accepts_folded_model():
    model = dense(num_layers=4, templates=4)
    (bank,) = banks(model).values()
    tie(bank, "ABAC", (1, -2, 1, 0.5))
    once = fold(model, 1.0)
    twice = fold(once, 1.0)
    (first,), (second,) = banks(once).values(), banks(twice).values()
    assert first.labels == second.labels == [0, 1, 0, 2]
    close(kernels(second), kernels(first))
    similarity = layer_similarity(once)[first.name].kernels
    threshold = np.sort(similarity[np.triu_indices(4, 1)])[-2] - 1e-6
    merged = folded_bank(once, threshold)
    assert merged.clusters == 2
    assert merged.labels == find_loop(similarity, threshold).labels
    assert folded_bank(twice, 0.0).labels == [0, 0, 0, 0]


@pytest.mark.parametrize("templates", [2, 3], ids=["directions", "templates"])
def test_folded_layers_stay_tied_in_training(templates):
    model = dense(num_layers=4, templates=templates, name="bank")
    tie(banks(model)["bank"], "ABAC", (1, -2, 1, 0.5))
    folded = fold(model, 1.0)
    bank = banks(folded)["bank"]
    before = weights(bank)
    folded.compile(keras.optimizers.SGD(0.1), "mse")
    folded.train_on_batch(inputs_for(model), np.ones((3, 4)))
    for old, now in zip(before, weights(bank), strict=True):
        assert far(now, old)
    similarity = layer_similarity(folded)["bank"].kernels
    assert find_loop(similarity, 1.0) == ([0, 1, 0, 2], None)


def test_fold_returns_uncompiled_model():
    def loss(y, y_pred):  # Keras cannot find this by name.
        return keras.ops.mean(keras.ops.square(y - y_pred))

    model = dense()
    model.compile("adam", loss)
    x = inputs_for(model)
    model.train_on_batch(x, np.ones((3, 4)))
    folded = fold(model, 1.0)
    assert model.compiled and not folded.compiled
    close(output(folded, x), output(model, x))


class Subclassed(keras.Model):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, x):
        return self.model(x)


def subclassed():
    model = Subclassed(dense())
    model(np.zeros((1, 4)))
    return model


def with_nan():
    model = dense(name="bank")
    banks(model)["bank"].coefficients.assign(np.full((4, 2), np.nan))
    return model


def plain():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])


BAD = {
    "above": (
        dense,
        {"threshold": 1.5},
        "`threshold` must be between 0 and 1.*threshold=1.5",
    ),
    "below": (
        dense,
        {"threshold": -1},
        "`threshold` must be between 0 and 1.*threshold=-1",
    ),
    "text": (dense, {"threshold": "0.5"}, "`threshold` must be a number.*of type str"),
    "space": (dense, {"space": "kernel"}, "`space`.*'kernel'.*'kernels'"),
    "no bank": (plain, {}, "has no template bank"),
    "no model": (lambda: None, {}, "must be a Keras model. Received: model=None"),
    "subclassed": (subclassed, {}, "Only a Functional or Sequential.*Subclassed"),
    "NaN": (with_nan, {}, "coefficients of bank must be finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_fold_rejects_bad_arguments(case):
    model, arguments, message = BAD[case]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        fold(model(), **arguments)
