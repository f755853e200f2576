"""Plots of metrics over iterations."""

import numpy as np
import pytest

from keras_recur import analysis

pytestmark = pytest.mark.once


def metrics(**more):
    ones = np.ones(3)
    accuracy = np.array([0.25, 0.5, 0.75])
    return analysis.IterationMetrics(accuracy, ones, ones, ones, 0.0, 0.5, **more)


def test_plot_iteration_metrics_draws_superclasses(tmp_path):
    (axes,) = analysis.plot_iteration_metrics(metrics()).axes
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_ydata(), [25, 50, 75])
    assert not axes.patches and not axes.texts

    coarse, compliance = np.array([0.5, 0.9, 1.0]), np.array([np.nan, 0.2, 0.4])
    found = metrics(coarse_accuracy=coarse, compliance=compliance)
    path = tmp_path / "metrics.png"
    (axes,) = analysis.plot_iteration_metrics(found, trained=2, path=path).axes
    drawn = [line.get_ydata() for line in axes.lines]
    np.testing.assert_allclose(drawn[1:], [100 * coarse, 100 * compliance])
    assert [line.get_label() for line in axes.lines][:2] == [
        "class right",
        "superclass right",
    ]
    (shade,) = axes.patches
    assert (shade.get_x(), shade.get_width()) == (0.5, 2.0)
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_plot_iteration_metrics_rejects_bad_trained():
    with pytest.raises(ValueError, match="`trained` must be a positive.*trained=0"):
        analysis.plot_iteration_metrics(metrics(), trained=0)
