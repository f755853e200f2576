"""Networks whose channels are used in known iterations."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis
from keras_recur.analysis import _loop_states, _reruns
from keras_recur.layers import Readout, SharedRecurrentBlock
from tests.analysis.small_pairs import images_of, small_pair


def network(width, iterations=3, activation="relu", classes=3):
    """Return a loop of a Dense layer, and its stem, block and head."""
    x = keras.Input((5,))
    stem = layers.Dense(width, activation="relu", bias_initializer="ones")
    block = layers.Dense(width, activation, bias_initializer="random_normal")
    head = layers.Dense(classes, bias_initializer="random_normal")
    loop = SharedRecurrentBlock(block, iterations)
    model = keras.Model(x, Readout(head)(loop(stem(x))))
    random = np.random.default_rng(0)  # The same weights on every backend.
    for layer in (stem, loop.block, head):
        kernel, bias = layer.get_weights()
        layer.set_weights([random.normal(size=kernel.shape) / 2, bias])
    return model, (stem, loop.block, head)


def inputs(count=60):
    return np.random.default_rng(1).normal(size=(count, 5)).astype("float32")


def half_right(model, x):
    """Return labels of which the model predicts about two thirds."""
    y = keras.ops.convert_to_numpy(model(x)).argmax(axis=-1)
    return np.where(np.arange(len(y)) % 3, y, (y + 1) % 3)


def test_filter_reuse_equals_ablation_by_hand():
    model, parts = network(4)
    x = inputs()
    y = half_right(model, x)
    (stem, stem_bias), (block, bias), (head, head_bias) = (
        [np.array(w) for w in part.get_weights()] for part in parts
    )

    def advance(state):
        return np.maximum(state @ block + bias, 0)

    def right(state, count):
        for _ in range(count):
            state = advance(state)
        return (state @ head + head_bias).argmax(axis=-1) == y

    run = [np.maximum(x @ stem + stem_bias, 0)]
    for _ in range(3):
        run.append(advance(run[-1]))
    intact = right(run[3], 0)
    activity = np.array([abs(s).mean(axis=0) for s in run[1:]])
    for ablate in ("update", "zero", "mean"):
        found = analysis.filter_reuse(model, (x, y), ablate=ablate)
        assert found.accuracy == pytest.approx(intact.mean()) and found.examples == 60
        np.testing.assert_allclose(found.activity, activity, rtol=1e-4)
        for t in (1, 2, 3):
            for c in range(4):
                state = run[t].copy()
                other = {"update": run[t - 1][:, c], "zero": 0}
                state[:, c] = other.get(ablate, state[:, c].mean())
                loss = intact.astype(int) - right(state, 3 - t)
                assert found.importance[t - 1, c] == pytest.approx(loss.mean())
                error = loss.std() / np.sqrt(len(loss))
                assert found.error[t - 1, c] == pytest.approx(error)
    changes = analysis.filter_reuse(model, x, measure="update", ablate=None)
    expected = [abs(b - a).mean(axis=0) for a, b in zip(run[:-1], run[1:], strict=True)]
    np.testing.assert_allclose(changes.activity, expected, rtol=1e-4)
    assert changes.importance is None and changes.iterations == [1, 2, 3]


def test_filter_reuse_of_the_identity_is_zero():
    model, (_, block, _) = network(4, activation=None)
    block.set_weights([np.eye(4), np.zeros(4)])
    x = inputs()
    y = half_right(model, x)
    found = analysis.filter_reuse(model, (x, y))
    assert not found.importance.any() and not found.error.any()
    assert not found.matters.any() and np.isnan(found.reuse)
    assert analysis.filter_reuse(model, (x, y), ablate="zero").importance.any()


def test_filter_reuse_of_a_channel_that_is_not_read_is_zero():
    model, (_, block, head) = network(4)
    for layer in (block, head):
        kernel, bias = layer.get_weights()
        kernel[2] = 0
        layer.set_weights([kernel, bias])
    x = inputs()
    found = analysis.filter_reuse(model, (x, half_right(model, x)), ablate="zero")
    assert not found.importance[:, 2].any() and found.importance.any()


def test_filter_reuse_without_all_channels_is_chance():
    model, (_, _, head) = network(1, iterations=1)
    x = inputs()
    y = half_right(model, x)
    found = analysis.filter_reuse(model, (x, y), ablate="zero")
    constant = head.get_weights()[1].argmax()
    rest = found.accuracy - found.importance[0, 0]
    assert rest == pytest.approx((y == constant).mean())


def test_filter_reuse_does_not_depend_on_the_scale_of_a_channel():
    model, (stem, block, head) = network(4)
    x = inputs()
    y = half_right(model, x)
    before = analysis.filter_reuse(model, (x, y))
    for layer, reads, writes in ((stem, 0, 1), (block, 1, 1), (head, 1, 0)):
        kernel, bias = layer.get_weights()
        if reads:
            kernel[1] /= 8
        if writes:
            kernel[:, 1] *= 8
            bias[1] *= 8
        layer.set_weights([kernel, bias])
    after = analysis.filter_reuse(model, (x, y))
    np.testing.assert_array_equal(after.importance, before.importance)
    np.testing.assert_allclose(after.activity[:, 1], 8 * before.activity[:, 1], 1e-5)
    np.testing.assert_allclose(after.participation, before.participation, 1e-5)


def test_participation_of_channels_that_are_active_once():
    model, (stem, block, _) = network(3, activation=None)
    stem.set_weights([np.zeros((5, 3)), np.eye(3)[2]])
    block.set_weights([np.roll(np.eye(3), 1, axis=1), np.zeros(3)])
    found = analysis.filter_reuse(model, inputs(), ablate=None)
    np.testing.assert_array_equal(found.activity, np.eye(3))
    np.testing.assert_allclose(found.participation, np.full(3, 1 / 3))
    assert found.active.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="ablate=None"):
        _ = found.reuse


def test_filter_reuse_runs_channels_in_groups(monkeypatch):
    model = small_pair("convnet").recurrent
    x = images_of(model, 9)
    y = half_right(model, x)
    together = analysis.filter_reuse(model, (x, y), ablate="zero")
    monkeypatch.setattr(_reruns, "_NUMBERS", 3 * 9 * 20 * 20 * 4)
    monkeypatch.setattr(_loop_states, "BATCH_SIZE", 5)
    apart = analysis.filter_reuse(model, (x, y), ablate="zero")
    np.testing.assert_allclose(apart.importance, together.importance)
    np.testing.assert_allclose(apart.activity, together.activity, rtol=1e-5)


@pytest.mark.parametrize("name", ["convnet", "feedback"])
def test_filter_reuse_changes_no_model_and_equals_that_of_the_tied_twin(name):
    pair = small_pair(name)
    model = pair.recurrent
    model.compile("adam", "sparse_categorical_crossentropy")
    x = images_of(model, 8)
    y = np.arange(8) % 3
    model.train_on_batch(x[:2], y[:2])
    pair.untie()
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in variables]
    found = analysis.filter_reuse(model, (x, y), num_examples=6)
    twin = analysis.filter_reuse(pair.feedforward, (x, y), num_examples=6)
    assert found.examples == 6 and found.iterations == [1, 2, 3]
    np.testing.assert_allclose(found.importance, twin.importance)
    np.testing.assert_allclose(found.activity, twin.activity, atol=1e-5)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


@pytest.mark.once
def test_reuse_and_correlation_of_known_importance():
    importance = np.array([[0.3, 0.2, 0.0, 0.1], [0.2, 0.1, 0.0, 0.0], [0, 0, 0, 0.0]])
    error = np.full((3, 4), 0.04)
    found = analysis.FilterReuse(
        [1, 2, 3], importance + 1, importance, error, 0.9, 100, "zero"
    )
    assert found.matters.sum(axis=0).tolist() == [2, 2, 0, 1]
    assert found.reuse == pytest.approx(2 / 3)
    # Ranks 4 3 1 2 and 4 3 1.5 1.5.
    expected = 4.5 / np.sqrt(5 * 4.5)
    assert found.correlation[0, 1] == pytest.approx(expected)
    assert found.correlation[1, 1] == pytest.approx(1)
    assert np.isnan(found.correlation[2]).all()
    assert found.rank_correlation == pytest.approx(expected)
    again = analysis.FilterReuse.from_dict(json.loads(json.dumps(found.as_dict())))
    np.testing.assert_array_equal(again.importance, importance)
    np.testing.assert_array_equal(again.error, error)
    assert again.iterations == [1, 2, 3] and again.ablate == "zero"
    plain = analysis.FilterReuse([1], importance, None, None, None, 3, None)
    again = analysis.FilterReuse.from_dict(json.loads(json.dumps(plain.as_dict())))
    assert again.importance is None and again.accuracy is None


@pytest.mark.once
def test_filter_reuse_of_state_graphs_measures_activity_only():
    model = small_pair("frnn").recurrent
    x = images_of(model, 4)
    found = analysis.filter_reuse(model, x, ablate=None)
    assert found.iterations == [1, 2, 3] and found.activity.shape == (3, 4)
    changes = analysis.filter_reuse(model, x, measure="update", ablate=None)
    assert changes.iterations == [2, 3] and changes.activity.shape == (2, 4)
    with pytest.raises(ValueError, match="RecurrentGraph"):
        analysis.filter_reuse(model, (x, np.zeros(4)))
    with pytest.raises(ValueError, match="states of two iterations"):
        analysis.filter_reuse(model, x, 1, measure="update", ablate=None)


@pytest.mark.once
def test_filter_reuse_rejects_other_values():
    model, _ = network(2)
    x = inputs(4)
    with pytest.raises(ValueError, match="`data` must yield batches"):
        analysis.filter_reuse(model, [x])
    with pytest.raises(ValueError, match="`ablate`"):
        analysis.filter_reuse(model, (x, np.zeros(4)), ablate="noise")
    with pytest.raises(ValueError, match="`num_examples`"):
        analysis.filter_reuse(model, (x, np.zeros(4)), num_examples=0)
    flat = keras.Model(model.input, layers.Dense(3)(model.input))
    with pytest.raises(ValueError, match="no loop"):
        analysis.filter_reuse(flat, (x, np.zeros(4)))
