"""Loops whose long runs are known: where their states end, and their accuracy."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recur import analysis, data, zoo
from keras_recur.layers import Readout, SharedRecurrentBlock


def turn(degrees, factor=1.0):
    """Return the matrix of a rotation of the plane."""
    a = np.deg2rad(degrees)
    return factor * np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def dense(matrix, bias=(0.0, 0.0)):
    layer = layers.Dense(len(matrix))
    layer.build((None, len(matrix)))
    layer.set_weights([np.array(matrix, "float32"), np.array(bias, "float32")])
    return layer


def plane(matrix, bias=(0.0, 0.0), iterations=4, **arguments):
    """Return a model whose state is a point, and whose logits are its coordinates."""
    x = keras.Input((2,))
    loop = SharedRecurrentBlock(dense(matrix, bias), iterations, **arguments)
    return keras.Model(x, Readout(layers.Identity())(loop(x)))


def points(count=6):
    x = np.random.default_rng(0).normal(size=(count, 2)).astype("float32")
    return x, np.arange(count) % 2


LOOPS = {
    "contraction": (0.5 * np.eye(2), (1.0, 2.0), 1),
    "negation": (-np.eye(2), (0.0, 0.0), 2),
    "fifth of a turn": (turn(72), (0.0, 0.0), 5),
    "golden angle": (turn(180 * (3 - np.sqrt(5))), (0.0, 0.0), 0),
    "doubling": (2 * np.eye(2), (0.0, 0.0), -1),
}


@pytest.mark.parametrize("name", LOOPS)
def test_settling_finds_the_period(name):
    matrix, bias, period = LOOPS[name]
    found = analysis.settling(plane(matrix, bias), points())
    assert found.periods.tolist() == 6 * [period]
    shares = found.fixed_points, sum(found.cycles.values()), found.neither
    assert sum(shares) + found.diverged == 1
    assert found.fixed_points == (period == 1)
    assert found.cycles == ({period: 1.0} if period > 1 else {})
    assert found.neither == (period == 0) and found.diverged == (period == -1)


def test_settling_counts_each_example_alone():
    # The first coordinate changes sign, and the second keeps its value.
    x = np.array([[1, 0], [0, 1], [1, 1e-5], [1e30, 0], [np.inf, 0]], "float32")
    found = analysis.settling(plane([[-1, 0], [0, 1]]), [(x, np.zeros(5, int))])
    assert found.periods.tolist() == [2, 1, 2, 2, -1]
    assert found.cycles == {2: 0.6} and found.diverged == 0.2


def test_settling_measures_relative_changes():
    found = analysis.settling(plane(turn(60), iterations=2), points(), multiples=(3,))
    assert found.iterations.tolist() == [1, 2, 3, 4, 5, 6]
    # In a turn of 60 degrees, the change is as long as the state.
    np.testing.assert_allclose(found.changes, np.ones((3, 6)), atol=1e-5)
    assert found.periods.tolist() == 6 * [6]
    growing = analysis.settling(plane(2 * np.eye(2)), points())
    finite = np.isfinite(growing.changes)
    assert finite[:, :5].all() and not finite[:, -1].any()
    np.testing.assert_allclose(growing.changes[finite], 0.5, atol=1e-6)


def test_settling_tolerance_decides():
    model = plane(0.99 * np.eye(2), (1.0, 1.0), iterations=10)
    loose = analysis.settling(model, points(), multiples=(20,))
    strict = analysis.settling(model, points(), multiples=(20,), tolerance=1e-4)
    assert loose.fixed_points == 0 and strict.neither == 1
    longer = analysis.settling(model, points(), multiples=(100,), tolerance=1e-4)
    assert longer.fixed_points == 1


@pytest.mark.parametrize("family", ["deep_thinking_1d", "deep_thinking_2d"])
def test_settling_scores_as_iteration_curve(family):
    pair = zoo.build(family, width=4, iterations=2, seed=1)
    name = "prefix_sums" if family.endswith("1d") else "mazes"
    test = data.load(name, "train", 7, size=3, num_examples=20, shuffle=False)
    found = analysis.settling(pair.recurrent, test, multiples=(4, 1, 2))
    curve = analysis.iteration_curve(pair.recurrent, test, 8)
    np.testing.assert_array_equal(found.accuracy, curve[found.iterations - 1])
    assert [found.after(m) for m in (1, 2, 4)] == curve[[1, 3, 7]].tolist()
    assert found.multiples == (1, 2, 4) and found.trained == 2
    with pytest.raises(ValueError, match=r"one of \[1, 2, 4\].*multiple=3"):
        found.after(3)


@pytest.mark.once
def test_settling_scores_f1_as_iteration_curve():
    pair = zoo.build("deep_thinking_2d", width=4, iterations=2, seed=1)
    test = data.load("mazes", "test", 7, size=3, num_examples=10)
    test.metric = "f1"
    found = analysis.settling(pair.recurrent, test, multiples=(1, 3))
    curve = analysis.iteration_curve(pair.recurrent, test, 6)
    np.testing.assert_array_equal(found.accuracy, curve[found.iterations - 1])
    assert 0 < found.accuracy[-1] < 1


@keras.saving.register_keras_serializable("settling_test")
class Pair(layers.Layer):
    """A state of three tensors: a contraction, a change of sign and a counter."""

    def call(self, state):
        calm, restless, count = state
        return [0.5 * calm, -restless, count + 1]


def nest():
    x = keras.Input((2,))
    count = layers.Lambda(lambda s: ops.cast(0 * s, "int32"), output_shape=(2,))(x)
    calm, restless, _ = SharedRecurrentBlock(Pair(), 3)(
        [x, layers.Rescaling(1)(x), count]
    )
    parts = [keras.Input((2,)), keras.Input((2,))]
    head = keras.Model(parts, layers.Add()(parts))
    return keras.Model(x, Readout(head)([calm, restless]))


def test_settling_reads_nests_of_floating_states():
    found = analysis.settling(nest(), points())
    assert found.cycles == {2: 1.0}
    assert found.iterations[-1] == 192


@keras.saving.register_keras_serializable("settling_test")
class Unstable(layers.Layer):
    """Keep positions of which the first coordinate is negative, and double others."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.supports_masking = True

    def call(self, state):
        return ops.where(state[..., :1] < 0, state, 2 * state)


def words():
    tokens = keras.Input((None,), dtype="int32")
    embedding = layers.Embedding(3, 2, mask_zero=True)
    x = embedding(tokens)
    embedding.set_weights([np.array([[1, 1], [-1, 0.5], [-0.3, 2]], "float32")])
    x = SharedRecurrentBlock(Unstable(), 2)(x)
    return keras.Model(tokens, Readout(layers.Dense(2))(x))


@pytest.mark.filterwarnings("ignore:Layer 'functional")
def test_settling_leaves_padding_out():
    tokens = np.array([[1, 2, 0, 0], [2, 1, 1, 2]])
    model = words()
    found = analysis.settling(model, (tokens, 0 * tokens), multiples=(1, 100))
    assert found.periods.tolist() == [1, 1] and found.changes.max() == 0
    # Without padding, the same token would be doubled until it is infinite.
    model.layers[1].mask_zero = False
    plain = keras.Model(
        model.input, model.layers[-1](model.layers[2](model.layers[1](model.input)))
    )
    unmasked = analysis.settling(plain, (tokens, 0 * tokens), multiples=(1, 100))
    assert unmasked.periods.tolist() == [-1, 1]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_settling_runs_in_half_precision(policy):
    keras.config.set_dtype_policy(policy)
    model = plane(0.5 * np.eye(2), (1.0, 2.0))
    found = analysis.settling(model, points())
    assert found.fixed_points == 1 and np.isfinite(found.changes).all()


def test_settling_runs_a_model_of_all_readouts():
    models = [
        zoo.build("deep_thinking_1d", width=4, iterations=2, seed=0, readout=readout)
        for readout in ("last", "all")
    ]
    test = data.load("prefix_sums", "test", 10, size=4, num_examples=20)
    last, every = (analysis.settling(m.recurrent, test) for m in models)
    np.testing.assert_array_equal(last.accuracy, every.accuracy)
    np.testing.assert_array_equal(last.periods, every.periods)


@pytest.mark.once
def test_settling_survives_json():
    import json

    found = analysis.settling(plane(2 * np.eye(2)), points())
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    again = analysis.Settling.from_dict(plain)
    for name, value in vars(found).items():
        np.testing.assert_array_equal(getattr(again, name), value)


@pytest.mark.once
def test_settling_rejects_models_that_cannot_run_on():
    pair = zoo.build("deep_thinking_1d", width=4, iterations=3)
    test = data.load("prefix_sums", "test", 10, size=4, num_examples=20)
    with pytest.raises(ValueError, match="3 iterations. Use the recurrent network"):
        analysis.settling(pair.feedforward, test)
    graph = zoo.build("frnn", input_shape=(8, 8, 1), width=2, states=2, iterations=3)
    images = np.zeros((2, 8, 8, 1)), np.zeros(2, int)
    with pytest.raises(ValueError, match="`settling` needs.*RecurrentGraph"):
        analysis.settling(graph.recurrent, images)
    with pytest.raises(ValueError, match="at most 100,000 iterations.*`multiples` 64"):
        analysis.settling(pair.recurrent, test, iterations=2000)
    with pytest.raises(ValueError, match="`tolerance`"):
        analysis.settling(pair.recurrent, test, tolerance=2)
    whole = keras.Input((2,), dtype="int32")
    state = SharedRecurrentBlock(layers.Identity(dtype="int32"), 2)(whole)
    head = layers.Lambda(lambda s: ops.cast(s, "float32"))
    with pytest.raises(ValueError, match="tensor of floats"):
        analysis.settling(
            keras.Model(whole, Readout(head)(state)),
            (np.ones((2, 2), int), np.arange(2)),
        )
