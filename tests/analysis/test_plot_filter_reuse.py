"""The figure of the reuse of filters."""

import numpy as np
import pytest

from keras_recur import analysis

pytestmark = pytest.mark.once
IMPORTANCE = np.array([[0.1, 0.3, 0.0], [0.2, 0.0, 0.1]])


def made(importance=IMPORTANCE, iterations=(1, 2)):
    error = None if importance is None else np.full(importance.shape, 0.02)
    return analysis.FilterReuse(
        list(iterations), np.ones((2, 3)), importance, error, 0.9, 100, "update"
    )


def test_plot_filter_reuse_draws_one_network(tmp_path):
    figure = analysis.plot_filter_reuse(made(), tmp_path / "reuse.png", title="one")
    cells, times, ranks = figure.axes[:3]
    drawn = np.asarray(cells.images[0].get_array())
    # Channel 1 has its maximum in the first iteration, 0 and 2 in the second.
    np.testing.assert_allclose(drawn, [[30, 0], [10, 20], [0, 10]])
    heights = [bar.get_height() for bar in times.patches]
    np.testing.assert_allclose(heights, [0, 200 / 3, 100 / 3])
    np.testing.assert_allclose(
        np.asarray(ranks.images[0].get_array()), made().correlation
    )
    assert (tmp_path / "reuse.png").read_bytes()[:4] == b"\x89PNG"


def test_plot_filter_reuse_draws_means_over_seeds():
    other = made(np.array([[0.1, 0.3, 0.0], [0.0, 0.0, 0.0]]))
    figure = analysis.plot_filter_reuse(
        {"recurrent": [made(), other], "feedforward": [made()]}
    )
    assert [a.get_title("left") for a in figure.axes[:6:3]] == [
        "recurrent",
        "feed-forward twin",
    ]
    times, ranks = figure.axes[1:3]
    heights = [bar.get_height() for bar in times.patches]
    np.testing.assert_allclose(heights, [100 / 6, 200 / 3, 100 / 6])
    # The second seed has no correlation of its iterations.
    drawn = np.asarray(ranks.images[0].get_array())
    np.testing.assert_allclose(drawn, made().correlation)


def test_plot_filter_reuse_rejects_other_values():
    for wrong in ([], {}, {"recurrent": []}, {"recurrent": 3}):
        with pytest.raises(ValueError, match="`found`"):
            analysis.plot_filter_reuse(wrong)
    with pytest.raises(ValueError, match="a FilterReuse"):
        analysis.plot_filter_reuse([made(), 3])
    with pytest.raises(ValueError, match="ablate=None"):
        analysis.plot_filter_reuse(made(None))
    with pytest.raises(ValueError, match="same iterations"):
        analysis.plot_filter_reuse([made(), made(iterations=(2, 3))])
