"""Trajectories of loops whose states are known."""

import json

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

from keras_recur import analysis
from keras_recur.analysis._loop_states import LoopStates
from tests.analysis.small_pairs import images_of, small_pair
from tests.analysis.test_settling import plane, points, turn


def distances(rows):
    return np.linalg.norm(rows[:, None] - rows[None], axis=-1)


def test_all_components_keep_all_distances():
    data = points(8)
    found = analysis.trajectories(plane(turn(40)), data)
    states = LoopStates(plane(turn(40))).read(data[0]).reshape(-1, 2)
    np.testing.assert_allclose(
        distances(found.points.reshape(-1, 2)), distances(states), atol=1e-5
    )
    assert found.explained.sum() == pytest.approx(1)
    assert found.iterations == [0, 1, 2, 3, 4] and found.features == 2


@pytest.mark.parametrize("reduce", ["mean", "all"])
def test_components_are_those_of_scikit_learn(reduce):
    model = small_pair("convnet").recurrent
    x = images_of(model, 10)
    found = analysis.trajectories(
        model, (x, np.arange(10) % 3), components=3, reduce=reduce
    )
    states = LoopStates(model).read(x).astype("float64")
    rows = states.mean(axis=(2, 3)) if reduce == "mean" else states
    rows = rows.reshape(40, -1)
    assert (rows.shape[1] > 40) == (reduce == "all")
    expected = PCA(3, svd_solver="full").fit(rows)
    ratios = expected.explained_variance_ratio_
    np.testing.assert_allclose(found.explained, ratios, rtol=1e-5)
    np.testing.assert_allclose(
        abs(found.points.reshape(40, 3)), abs(expected.transform(rows)), atol=1e-4
    )
    tops = abs(found.points.reshape(40, 3)).argmax(axis=0)
    assert (found.points.reshape(40, 3)[tops, range(3)] > 0).all()


def test_states_on_a_line_have_one_component():
    x = np.array([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]], "float32")
    found = analysis.trajectories(plane(0.5 * np.eye(2)), (x, np.arange(3)))
    np.testing.assert_allclose(found.explained, [1, 0], atol=1e-7)
    assert found.straightness == pytest.approx(1)
    # The lengths of the paths halve from step to step.
    steps = np.diff(found.paths[..., 0], axis=1)
    np.testing.assert_allclose(steps[:, 1:] / steps[:, :-1], 0.5, rtol=1e-4)


def test_straightness_of_a_square():
    found = analysis.trajectories(plane(turn(90), iterations=4), points())
    assert found.straightness == pytest.approx(0, abs=1e-6)
    half = analysis.trajectories(plane(turn(90)), points(), 2)
    assert half.straightness == pytest.approx(np.sqrt(0.5))


def test_states_that_rest_have_no_path():
    found = analysis.trajectories(plane(np.eye(2)), points())
    assert np.isnan(found.straightness)
    np.testing.assert_allclose(found.paths - found.paths[:, :1], 0, atol=1e-6)


def test_paths_are_means_of_classes_or_examples():
    x, _ = points(6)
    y = np.array([3, 0, 3, 3, 0, 7])
    found = analysis.trajectories(plane(turn(30)), (x, y), num_examples=5)
    assert found.classes == [0, 3] and found.points.shape == (5, 5, 2)
    np.testing.assert_allclose(found.paths[0], found.points[:, [1, 4]].mean(axis=1))
    np.testing.assert_allclose(found.paths[1], found.points[:, [0, 2, 3]].mean(axis=1))
    single = analysis.trajectories(plane(turn(30)), x[:5], by_class=False)
    assert single.labels is None and single.classes == []
    np.testing.assert_array_equal(single.paths[2], single.points[:, 2])
    np.testing.assert_array_equal(single.points, found.points)
    for one in (found, single):
        again = analysis.Trajectories.from_dict(json.loads(json.dumps(one.as_dict())))
        np.testing.assert_array_equal(again.paths, one.paths)
        assert again.classes == one.classes and again.iterations == one.iterations


def test_trajectories_of_tied_twins_are_equal():
    pair = small_pair("resnet_bn")
    pair.untie()
    data = images_of(pair.recurrent, 8), np.arange(8) % 3
    one, two = (
        analysis.trajectories(m, data) for m in (pair.recurrent, pair.feedforward)
    )
    scale = abs(one.points).max()
    np.testing.assert_allclose(two.points, one.points, atol=1e-3 * scale)
    np.testing.assert_allclose(two.explained, one.explained, rtol=1e-3)
    assert two.straightness == pytest.approx(one.straightness, rel=1e-3)


def test_trajectories_of_state_graphs():
    model = small_pair("frnn").recurrent
    data = images_of(model, 6), np.arange(6) % 3
    found = analysis.trajectories(model, data)
    assert found.iterations == [1, 2, 3] and found.points.shape == (3, 6, 2)


@pytest.mark.once
def test_trajectories_refuse_other_values():
    call, model = analysis.trajectories, plane(turn(40))
    x, y = points()
    with pytest.raises(ValueError, match="`data` must have one class per example"):
        call(model, (x, np.stack([y, y], 1)))
    with pytest.raises(ValueError, match="`components` can be at most 2 for 30 states"):
        call(model, (x, y), components=3)
    with pytest.raises(ValueError, match="`by_class`"):
        call(model, (x, y), by_class="no")
    with pytest.raises(ValueError, match="finite states.*after 0 iterations"):
        call(model, (x + np.inf, y))
    flat = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="no loop"):
        call(flat, (x, y))


def made(labels=(4, 4, 1), components=2):
    shape = (2, 3, components)
    labels = None if labels is None else np.array(labels)
    return analysis.Trajectories(
        [0, 1],
        np.arange(6.0 * components).reshape(shape),
        labels,
        np.array([0.75, 0.125, 0.1][:components]),
        0.5,
        9,
    )


@pytest.mark.once
def test_plot_trajectories_draws_paths_of_classes(tmp_path):
    figure = analysis.plot_trajectories(
        {"recurrent": made(), "untrained": made((1, 4, 4))}, tmp_path / "paths.png"
    )
    first, second = figure.axes
    np.testing.assert_allclose(first.lines[0].get_xydata(), made().paths[0])
    np.testing.assert_allclose(first.lines[1].get_xydata(), made().paths[0][-1:])
    np.testing.assert_allclose(first.collections[0].get_offsets(), made().points[-1])
    assert first.get_xlabel() == "component 1 (75 % of the variance)"
    assert first.get_title("left") == "recurrent\nstraightness 0.50"
    # A class has the same color in all panels.
    assert [line.get_color() for line in first.lines] == [
        line.get_color() for line in second.lines
    ]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["class 1", "class 4"]
    assert (tmp_path / "paths.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.once
def test_plot_trajectories_draws_paths_of_examples():
    figure = analysis.plot_trajectories({"loop": made(None, 3)})
    (axes,) = figure.axes
    assert len(axes.lines) == 6 and not axes.collections and not figure.legends
    np.testing.assert_allclose(
        axes.lines[2].get_xydata(), made(None, 3).paths[1, :, :2]
    )


@pytest.mark.once
@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "one result or more"),
        ([made()], "a dictionary of results"),
        ({"a": 3}, "a dictionary of Trajectories"),
        ({3: made()}, "named by strings"),
        ({"a": made(components=1)}, "two components or more"),
    ],
)
def test_plot_trajectories_refuses_other_values(found, message):
    with pytest.raises(ValueError, match=f"`found`.*{message}"):
        analysis.plot_trajectories(found)
