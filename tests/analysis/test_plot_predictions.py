"""One example's answer over the iterations, as strip and animation."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_recur import analysis, data, inference, zoo
from keras_recur.analysis._predictions_image import ImagePredictions
from keras_recur.analysis._predictions_string import StringPredictions

pytestmark = pytest.mark.once

BLUE, ORANGE, PALE = (31, 112, 178), (230, 125, 33), (173, 209, 237)


@pytest.fixture(scope="module")
def strings():
    model = zoo.build("deep_thinking_1d", width=4, iterations=2, seed=0).recurrent
    x, y = data.load("prefix_sums", "test", size=6, num_examples=4, batch_size=4)[0]
    return model, x, y


def colors(image):
    return (255 * np.asarray(image)).round().astype(int)


def test_plot_predictions_strip_has_all_answers(strings):
    model, x, y = strings
    every = inference.with_iterations(model, 5, readout="all").predict_on_batch(x[:1])
    answers = every[0].argmax(axis=-1)
    figure = analysis.plot_predictions(model, x[0], y[0], iterations=5)
    shown = colors(figure.axes[1].images[0].get_array())
    wrong = (shown == ORANGE).all(axis=-1)
    np.testing.assert_array_equal(wrong, answers != y[0])
    assert wrong.any() and not wrong.all()
    ones = (shown == BLUE).all(axis=-1)
    np.testing.assert_array_equal(ones, (answers == 1) & (answers == y[0]))
    # The border of the trained iterations, which default to the built ones.
    (border,) = figure.axes[1].lines
    assert list(border.get_ydata()) == [2.5, 2.5]
    whole = analysis.plot_predictions(model, x[0], y[0])
    assert not whole.axes[1].lines


@pytest.mark.parametrize("family", ["deep_thinking_2d", "scnn"])
def test_plot_predictions_animation_has_frame_per_iteration(family, tmp_path):
    channels = 3 if family == "deep_thinking_2d" else 2
    model = zoo.build(family, width=2, iterations=3, seed=0).recurrent
    x = np.random.default_rng(0).random((8, 8, channels)).round().astype("float32")
    y = (x[..., 0] > 0).astype("int32")
    figure = analysis.plot_predictions(model, x, y, path=tmp_path / "it.gif")
    assert [axes.get_title() for axes in figure.axes] == [
        *(f"iteration {n}" for n in (1, 2, 3)),
        "solution",
    ]
    with Image.open(tmp_path / "it.gif") as animation:
        assert animation.n_frames >= 2  # Equal frames are merged.
        animation.seek(animation.n_frames - 1)
        assert animation.info["duration"] > 1000
    analysis.plot_predictions(model, x, path=tmp_path / "it.PNG")
    assert (tmp_path / "it.PNG").read_bytes()[:4] == b"\x89PNG"


def test_string_animation_adds_one_row_per_frame(strings, tmp_path):
    answers = np.array([[0, 1], [1, 1], [1, 0]])
    found = StringPredictions(
        np.array([[1.0], [0.0]]), np.array([1, 1]), answers, np.array([1, 2, 3]), 2
    )
    figure, show = found.frames()
    show(1)
    rows = colors(figure.axes[1].images[0].get_array())
    assert (rows[0, 0] == ORANGE).all() and (rows[1] == BLUE).all()
    assert (rows[2] == 255).all()
    assert figure.axes[0].get_title("left") == "iteration 2 of 3: trained, solved"
    show(2)
    assert (
        figure.axes[0].get_title("left") == "iteration 3 of 3: beyond training, 1 wrong"
    )


def test_image_predictions_color_right_wrong_and_missing():
    """The cells: marked, wrongly marked, missing, not scored, start, and wall."""
    x = np.ones((1, 6, 3))
    x[0, 4], x[0, 5] = (0, 1, 0), 0
    y = np.array([[1, 0, 1, -1, 1, -1]])
    answers = np.array([[[1, 1, 0, 1, 1, 1]]])
    found = ImagePredictions(x, y, answers, np.array([1]), 1)
    shown = colors(found.strip().axes[0].images[0].get_array())[0]
    np.testing.assert_array_equal(shown[:3], [BLUE, ORANGE, PALE])
    np.testing.assert_array_equal(shown[3], [255] * 3)
    np.testing.assert_array_equal(shown[4], [64, 255, 64])
    np.testing.assert_array_equal(shown[5], [64] * 3)


def test_image_predictions_show_last_trained_iteration():
    found = ImagePredictions(
        np.ones((2, 2, 3)), None, np.zeros((20, 2, 2)), np.arange(1, 21), 5
    )
    figure = found.strip()
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [f"iteration {n}" for n in (1, 3, 5, 10, 15, 20)]
    states = [axes.get_xlabel() for axes in figure.axes]
    assert states == ["trained"] * 3 + ["beyond training"] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "it.jpg"}, r"\.png.*\.gif.*Received: path='it.jpg'.*'it.png'"),
        ({"x": None}, r"one example of shape \(None, 1\).*Pass x\[0\]"),
        ({"y": np.zeros(3)}, r"`y` must have.*\(6,\). Received: shape \(3,\)"),
        ({"trained": 0}, "`trained` must be a positive integer"),
    ],
)
def test_plot_predictions_rejects_bad_arguments(changes, message, strings):
    model, x, y = strings
    given = {"x": x[0], "y": y[0], **changes}
    given["x"] = x if given["x"] is None else given["x"]
    with pytest.raises(ValueError, match=message):
        analysis.plot_predictions(model, **given)


def test_plot_predictions_rejects_answer_per_example():
    model = zoo.build("mlp", input_shape=(2, 2, 1), width=3, iterations=2).recurrent
    for readout in ("last", "all"):
        asked = inference.with_iterations(model, readout=readout)
        with pytest.raises(ValueError, match="every position.*plot_iteration_metrics"):
            analysis.plot_predictions(asked, keras.ops.zeros((2, 2, 1)))
