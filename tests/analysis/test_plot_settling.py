"""The figure of settling."""

import dataclasses

import numpy as np
import pytest

from keras_recur import analysis

pytestmark = pytest.mark.once


def made(periods, accuracy=(0.5, 1.0, 0.75)):
    changes = np.array([[0.1, 1e-3, 0], [0.2, 1e-2, 0], [0.3, 1e-1, np.nan]])
    return analysis.Settling(
        2, (1, 4), np.array([1, 2, 8]), np.array(accuracy), changes, periods, 1e-3
    )


def test_plot_settling_draws_one_result(tmp_path):
    found = made(np.array([1, 1, 2, 5]))
    figure = analysis.plot_settling(found, path=tmp_path / "settling.png")
    scores, changes, ends = figure.axes
    np.testing.assert_allclose(scores.lines[0].get_ydata(), [50, 100, 75])
    assert scores.get_xscale() == changes.get_yscale() == "log"
    assert scores.get_xticks().tolist() == [2, 8]
    np.testing.assert_allclose(changes.lines[0].get_ydata(), [0.2, 1e-2, 1e-9])
    assert [bar.get_height() for bar in ends.patches] == [50, 50, 0]
    names = [text.get_text() for text in ends.get_xticklabels()]
    assert names == ["fixed\npoint", "cycle\nof 2, 5", "neither"]
    assert (tmp_path / "settling.png").read_bytes()[:4] == b"\x89PNG"


def test_plot_settling_draws_means_over_seeds():
    seeds = [made(np.array([1, 1])), made(np.array([-1, 0]), (0.5, 0.5, 0.25))]
    scores, changes, ends = analysis.plot_settling(seeds, title="both").axes
    np.testing.assert_allclose(scores.lines[0].get_ydata(), [50, 75, 50])
    assert len(changes.lines) == 3
    heights = [bar.get_height() for bar in ends.patches]
    assert heights == [50, 0, 25, 25]
    assert ends.get_xticklabels()[-1].get_text() == "diverged"


def test_plot_settling_rejects_other_values():
    found = made(np.array([1]))
    with pytest.raises(ValueError, match="a Settling or a list"):
        analysis.plot_settling([])
    with pytest.raises(ValueError, match=r"settling\[1\]"):
        analysis.plot_settling([found, 3])
    other = dataclasses.replace(found, iterations=np.array([1, 2, 9]))
    with pytest.raises(ValueError, match="same iterations"):
        analysis.plot_settling([found, other])
    with pytest.raises(ValueError, match="`score`"):
        analysis.plot_settling(found, score="")
