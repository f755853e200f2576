"""Plots of the accuracy of several networks over iterations."""

import numpy as np
import pytest

from keras_recur import analysis

pytestmark = pytest.mark.once


def test_plot_iteration_curves_uses_one_color_per_network(tmp_path):
    curves = {
        "recurrent, size 9": [0.25, 0.5, np.nan, 1.0],
        "recurrent, size 13": np.array([0.0, 0.25, 0.25, 0.5]),
        "twin, size 9": [0.5, 0.75],
    }
    path = tmp_path / "curves.png"
    (axes,) = analysis.plot_iteration_curves(curves, 2, "F1", path).axes
    assert [line.get_label() for line in axes.lines] == list(curves)
    for line, values in zip(axes.lines, curves.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(len(values)) + 1)
        np.testing.assert_allclose(line.get_ydata(), 100 * np.asarray(values))
    first, second, twin = axes.lines
    assert first.get_color() == second.get_color() != twin.get_color()
    assert first.get_alpha() > second.get_alpha()
    assert first.get_linestyle() != twin.get_linestyle()
    (shade,) = axes.patches
    assert (shade.get_x(), shade.get_width()) == (0.5, 2.0)
    assert axes.get_ylabel() == "F1 (%)"
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_plot_iteration_curves_shades_nothing_by_default():
    (axes,) = analysis.plot_iteration_curves({"a": [0.5]}).axes
    assert not axes.patches and not axes.texts


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "from names to curves.*Received: curves={}"),
        ([0.5, 0.6], r"dictionary.*Received: curves=\[0.5, 0.6\]"),
        ({"a": [[0.5]]}, r"one number per iteration.*for 'a': shape \(1, 1\)"),
        ({"a": 0.5}, r"for 'a': shape \(\)"),
    ],
)
def test_plot_iteration_curves_rejects_bad_curves(curves, message):
    with pytest.raises(ValueError, match=message):
        analysis.plot_iteration_curves(curves)


def test_plot_iteration_curves_rejects_bad_trained():
    with pytest.raises(ValueError, match="`trained` must be a positive.*trained=0"):
        analysis.plot_iteration_curves({"a": [0.5]}, trained=0)
