"""Similarity of layers, compared with NumPy on the mixed kernels."""

import keras
import numpy as np
import pytest
from banked import banks, dense, is_png, kernels, nested, pair
from compare import array, close, far

from keras_recur.analysis import layer_similarity, plot_layer_similarity

SPACES = ("coefficients", "kernels")


def by_hand(rows):
    """Return absolute cosines of all pairs."""
    rows = [np.ravel(row).astype("float64") for row in rows]
    units = [row / np.sqrt(row @ row) for row in rows]
    return np.array([[abs(a @ b) for b in units] for a in units])


def only(model):
    (found,) = layer_similarity(model).values()
    return found


@pytest.mark.parametrize(
    "options",
    [{"templates": 3}, {"templates": 6}, {"labels": [0, 1, 2, 1]}],
    ids=["k below layers", "k above layers", "folded, with directions"],
)
def test_layer_similarity_matches_numpy(options):
    model = dense(**options)
    (bank,) = banks(model).values()
    found = only(model)
    close(found.coefficients, by_hand(array(bank.coefficient_matrix())))
    close(found.kernels, by_hand([array(k) for k in bank(np.zeros((1, 4)))]))
    assert far(found.coefficients, found.kernels)
    for matrix in (found.coefficients, found.kernels):
        assert matrix.shape == (4, 4)
        close(matrix, matrix.T, 1e-12)
        np.testing.assert_array_equal(np.diag(matrix), 1)
        assert 0 <= matrix.min() < 0.99 and matrix.max() <= 1


def test_layer_similarity_ignores_sign_and_scale():
    model = dense()
    (bank,) = banks(model).values()
    before = only(model)
    bank.coefficients.assign(array(bank.coefficients) * [[-2], [0.01], [30], [-1]])
    bank.templates.assign(array(bank.templates) * -7)
    after = only(model)
    for space in SPACES:
        close(getattr(after, space), getattr(before, space))


def test_layer_similarity_of_kernels_ignores_basis():
    model = dense()
    (bank,) = banks(model).values()
    before, same = only(model), kernels(bank)
    change = np.array([[2.0, 1.0], [0.5, -1.0]])
    templates = np.tensordot(change, array(bank.templates), axes=1)
    bank.templates.assign(templates)
    bank.coefficients.assign(array(bank.coefficients) @ np.linalg.inv(change))
    close(kernels(bank), same)
    close(only(model).kernels, before.kernels)
    assert far(only(model).coefficients, before.coefficients)


def test_layer_similarity_of_one_template_is_one():
    found = only(dense(templates=1))
    for space in SPACES:
        close(getattr(found, space), np.ones((4, 4)), 1e-12)


def test_layer_similarity_of_zero_kernel_is_zero():
    model = dense()
    (bank,) = banks(model).values()
    rows = array(bank.coefficients)
    rows[[1, 3]] = 0
    bank.coefficients.assign(rows)
    for space in SPACES:
        matrix = getattr(only(model), space)
        assert matrix[0, 2] > 0.01
        np.testing.assert_array_equal(matrix[[1, 3]], np.eye(4)[[1, 3]])


def test_layer_similarity_names_banks_in_loops_and_nested_models():
    stages = {f"stage{i + 1}/bank_3x3x{c}x{c}" for i, c in enumerate((16, 32, 64))}
    found = layer_similarity(pair("swrn").recurrent)
    assert set(found) == stages
    assert all(similarity.kernels.shape == (2, 2) for similarity in found.values())
    found = layer_similarity(nested())
    assert set(found) == {"loop/bank_4x4", "inner/loop/bank_4x4"}
    assert far(*(similarity.coefficients for similarity in found.values()))
    assert set(layer_similarity(dense(name="bank"))) == {"bank"}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("what", ["coefficients", "templates"])
def test_layer_similarity_rejects_weights_that_are_not_finite(what, value):
    model = dense(name="bank")
    variable = getattr(banks(model)["bank"], what)
    values = array(variable)
    values[1, 0] = value
    variable.assign(values)
    count = np.count_nonzero(~np.isfinite(values))
    with pytest.raises(
        ValueError,
        match=f"The {what} of bank must be finite. Received: {count} of {values.size}"
        ".*diverged.*checkpoint",
    ):
        layer_similarity(model)


@pytest.mark.parametrize("function", [layer_similarity, plot_layer_similarity])
def test_layer_similarity_rejects_model_without_bank(function):
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="only")])
    with pytest.raises(
        ValueError, match=r"no template bank.*\['only'\].*convert_to_template_bank"
    ):
        function(plain)
    with pytest.raises(
        ValueError, match="must be a Keras model. Received: model='scnn'"
    ):
        function("scnn")


@pytest.mark.parametrize("space", SPACES)
def test_plot_layer_similarity_draws_heat_maps(space, tmp_path):
    model = nested()
    path = tmp_path / "new" / "similarity.png"
    figure = plot_layer_similarity(model, space, path)
    width, height = is_png(path)
    assert width > height > 300
    found = layer_similarity(model)
    for axes, name in zip(figure.axes, found, strict=False):
        assert axes.get_title() == name
        shown = axes.images[0].get_array()
        np.testing.assert_array_equal(shown, getattr(found[name], space))
    assert figure.axes[-1].get_ylabel() == f"similarity of {space}"


def test_plot_layer_similarity_rejects_unknown_space():
    with pytest.raises(ValueError, match="(?s)`space`.*'kernel'.*'kernels'"):
        plot_layer_similarity(dense(), space="kernel")
