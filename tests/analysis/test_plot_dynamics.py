"""The figure of the dynamics."""

import numpy as np
import pytest

from keras_recur import analysis

pytestmark = pytest.mark.once


def made(factor=1.0, count=3):
    change = np.outer((0.5, 1.0, 2.0), factor * np.ones(count))
    cosine = np.linspace(-1, 1, count - 1)
    return analysis.Dynamics(change, cosine, factor * np.ones(count), 0.0, 9)


def test_plot_dynamics_draws_one_result(tmp_path):
    figure = analysis.plot_dynamics({"recurrent": made(0.5)}, tmp_path / "a.png", "one")
    change, cosine, growth = figure.axes
    np.testing.assert_allclose(change.lines[0].get_xydata()[:, 1], 0.5)
    heights = change.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.25, 1.0)
    np.testing.assert_allclose(cosine.lines[0].get_xydata(), [[2, -1], [3, 1]])
    np.testing.assert_allclose(growth.lines[0].get_ydata(), 0.5)
    assert change.get_yscale() == growth.get_yscale() == "log"
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_plot_dynamics_draws_means_over_seeds():
    seeds = [made(0.5), made(1.5)]
    figure = analysis.plot_dynamics({"recurrent": seeds, "untrained": made(count=4)})
    change, _, growth = figure.axes
    np.testing.assert_allclose(change.lines[0].get_ydata(), 1)
    np.testing.assert_allclose(growth.lines[0].get_ydata(), 1)
    heights = growth.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.5, 1.5)
    assert change.lines[1].get_color() == "0.5"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["recurrent", "untrained"]


def test_plot_dynamics_draws_states_that_rest():
    figure = analysis.plot_dynamics({"recurrent": made(0.0)})
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), 1e-9)
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "one result or more"),
        ([made()], "a dictionary of results"),
        ({"a": []}, "a Dynamics or a list"),
        ({"a": [3]}, "a dictionary of Dynamics"),
        ({3: made()}, "named by strings"),
        ({"a": [made(), made(count=2)]}, "same number of iterations"),
    ],
)
def test_plot_dynamics_refuses_other_values(found, message):
    with pytest.raises(ValueError, match=f"`found`.*{message}"):
        analysis.plot_dynamics(found)
