"""State graphs: schedules, sharing, files, and equal networks by hand.

The equivalences of Liao and Poggio 2016 that hold for every family (the shared gradient
is the sum over the copies, tying undoes untying) are tested in tests/zoo.
"""

import keras
import numpy as np
import pytest
from compare import array, close, far
from keras import ops

from keras_recur.layers import (
    RecurrentGraph,
    TimeSpecificBatchNormalization,
    Transition,
    resnet_transitions,
)

THREE = {"a": (8, 8, 4), "b": (4, 4, 6), "c": (2, 2, 8)}
TWO = {"a": (8, 8, 4), "b": (4, 4, 6)}
FOUR = {"a": (8, 8, 2), "b": (4, 4, 4), "c": (2, 2, 6), "d": (1, 1, 8)}


def make(states=None, *args, seed=0, **kwargs):
    """Return a built graph with random statistics."""
    graph = RecurrentGraph(states or THREE, *args, seed=seed, **kwargs)
    x = inputs(graph)
    graph(x)
    rng = np.random.default_rng(1)
    for weight in graph.non_trainable_variables:
        if "moving" in weight.name:
            low = -0.5 if weight.name == "moving_mean" else 0.2
            weight.assign(rng.uniform(low, low + 1, weight.shape))
    return graph


def inputs(graph, batch=4, seed=0):
    shape = next(iter(graph.states.values()))
    if graph.injection == "sequence":
        shape = (graph.steps + 1, *shape)
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, *shape)).astype("float32")


def run(graph, x, **kwargs):
    return array(graph(x, **kwargs))


def copy_by_application(source, target):
    """Copy the weights of every application of `source` to `target`."""
    ours = source.applications()
    for key, (block, row, _) in target.applications().items():
        other, other_row, _ = ours[key]
        for weight, value in zip(block.weights, other.weights, strict=True):
            new = array(value)
            if "moving" in weight.name:
                rows = array(weight)
                rows[row] = new[other_row]
                new = rows
            weight.assign(new)


# What is evaluated


PAIRS = {  # Contributing pairs of states after 1, 2, 3, 4, 5 and 6 steps.
    ("full", 2): (1, 3, 4, 4, 4, 4),
    ("full", 3): (1, 5, 9, 9, 9, 9),
    ("adjacent", 3): (None, 2, 5, 7, 7, 7),
    ("full", 4): (1, 7, 16, 16, 16, 16),
    ("adjacent", 4): (None, None, 3, 7, 10, 10),
}


@pytest.mark.once
@pytest.mark.parametrize(("graph", "count"), PAIRS)
def test_graph_schedules_contributing_transitions(graph, count):
    states = dict(list(FOUR.items())[:count])
    for steps, pairs in enumerate(PAIRS[graph, count], start=1):
        if pairs is None:
            with pytest.raises(ValueError, match=f"reached after {count - 1} steps"):
                RecurrentGraph(states, graph, steps)
            continue
        layer = RecurrentGraph(states, graph, steps)
        assert len(layer.schedule().contributing()) == pairs
        assert len(layer.blocks) == pairs
        untied = RecurrentGraph(states, graph, steps, sharing="none")
        assert len(untied.blocks) == len(layer.schedule().evaluations)


def test_resnet_transitions_are_blocked_in_time():
    transitions, steps = resnet_transitions(["a", "b", "c"], [3, 0, 2])
    assert steps == 7
    graph = RecurrentGraph(THREE, transitions, steps)
    found = [(e.source + e.target, e.step) for e in graph.schedule().evaluations]
    assert found == [("aa", 1), ("aa", 2), ("aa", 3), ("ab", 4), ("bc", 5)] + [
        ("cc", 6),
        ("cc", 7),
    ]
    longer = [e.source + e.target for e in graph.schedule(9).evaluations]
    assert longer == ["aa"] * 5 + ["ab", "bc", "cc", "cc"]
    assert graph.stretches and not RecurrentGraph(THREE, "full", 3).stretches
    assert RecurrentGraph(THREE, "resnet", 7).schedule().populated[5] == {"b"}
    assert graph.readout_time == 8


@pytest.mark.once
def test_graph_expands_kinds_of_transitions():
    def pairs(transitions, steps=5):
        return {
            t.source + t.target
            for t in RecurrentGraph(THREE, transitions, steps).transitions
        }

    assert pairs(["self", "bottom_up"]) == {"aa", "bb", "cc", "ab", "bc"}
    assert pairs(["self", "bypass"]) == {"aa", "bb", "cc", "ac", "ca"}
    assert pairs("full") - pairs("adjacent") == {"ac", "ca"}
    assert pairs(["bottom_up", "top_down"], 4) == {"ab", "bc", "ba", "cb"}
    assert pairs(["bottom_up", ("c", "a", 2, 3)]) == {"ab", "bc", "ca"}


@pytest.mark.once
@pytest.mark.parametrize(
    ("states", "layer", "names"),
    [
        ({"a": (8, 8, 4), "b": (2, 2, 8)}, "BRCx2", ["Conv2D"] * 2),
        ({"a": (8, 8, 4), "b": (1, 1, 8)}, "BRCx2", ["Conv2D"] * 3),
        ({"a": (8, 8, 4), "b": (4, 4, 8)}, "BRCx3", ["Conv2D"] * 3),
        ({"a": (2, 2, 4), "b": (8, 8, 8)}, "BRCx2", ["Conv2DTranspose"] * 2),
        ({"a": (4, 4, 4), "b": (8, 8, 8)}, "BRCx3", ["Conv2DTranspose"] * 3),
        ({"a": (8, 4), "b": (4, 8)}, "BRCx2", ["Conv1D"] * 2),
        ({"a": (4, 4), "b": (8, 8)}, "BRCx2", ["Conv1DTranspose"] * 2),
        ({"a": (4,), "b": (8,)}, "BRCx2", ["Dense"] * 2),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_branch_is_built_from_the_shapes(states, layer, names):
    graph = make(states, ["bottom_up"], 1, transition_layer=layer)
    (block,) = graph.blocks
    kernels = [la for la in block.layers if hasattr(la, "kernel")]
    assert [type(la).__name__ for la in kernels] == names
    for kernel in kernels[:-1]:  # Between the states lies the mean of their channels.
        assert getattr(kernel, "filters", getattr(kernel, "units", None)) == 6
    assert run(graph, inputs(graph)).shape == (4, *states["b"])
    kinds = [
        type(la).__name__ for la in block.layers if "Padding" not in type(la).__name__
    ]
    assert kinds == [
        k for n in names for k in ("TimeSpecificBatchNormalization", "ReLU", n)
    ]


# Equal to networks that are written by hand


def by_hand(graph, x, training=False):
    """Compute the graph as a pre-activation residual network of Keras layers."""
    x = ops.convert_to_tensor(x)
    for e in graph.schedule().evaluations:
        block, row, _ = graph.application(e.key)
        y = x
        for layer in block.layers:
            if isinstance(layer, TimeSpecificBatchNormalization):
                norm = keras.layers.BatchNormalization(
                    center=False, scale=False, epsilon=1e-5, momentum=0.9
                )
                norm.build(y.shape)
                norm.moving_mean.assign(array(layer.moving_mean)[row])
                norm.moving_variance.assign(array(layer.moving_variance)[row])
                y = norm(y, training=training)
            elif hasattr(layer, "kernel"):
                strides = layer.strides[0]
                if strides == 2:
                    y = ops.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]])
                padding = "same" if strides == 1 else "valid"
                y = ops.conv(y, array(layer.kernel), strides, padding)
            elif isinstance(layer, keras.layers.ReLU):
                y = ops.relu(y)
        x = x + y if e.source == e.target else y
    return array(x)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("sharing", ["all", "none", {"a": "all", "b": "none"}], ids=str)
def test_graph_blocked_in_time_equals_a_preactivation_resnet(sharing, training):
    transitions, steps = resnet_transitions(["a", "b"], [3, 2])
    graph = make(TWO, transitions, steps, merge="sum", sharing=sharing)
    assert len(graph.blocks) == {"all": 3, "none": 6}.get(str(sharing), 4)
    x = inputs(graph)
    expected = by_hand(graph, x, training)
    close(run(graph, x, training=training), expected, 1e-4)
    # Negative control: it fails with the rows of the first loop in another order.
    if sharing != "none" and not training:
        norm = graph.blocks[0].layers[0]
        norm.moving_mean.assign(array(norm.moving_mean)[::-1])
        assert far(run(graph, x), expected)


def test_graph_follows_the_closed_form_of_a_linear_system():
    size, steps = 3, 4
    k = np.random.default_rng(2).normal(size=(size, size)).astype("float32") * 0.4
    x = np.random.default_rng(3).normal(size=(5, size)).astype("float32")
    powers = np.linalg.matrix_power
    one = np.eye(size)
    results = {}
    for injection in (None, "add"):
        dense = keras.layers.Dense(size, use_bias=False)
        graph = RecurrentGraph(
            {"h": (size,)},
            [Transition("h", "h", layer=dense)],
            steps,
            merge="sum",
            injection=injection,
        )
        graph(x)
        dense.kernel.assign(k)
        results[injection] = run(graph, x)
    homogeneous = x @ powers(k + one, steps)
    driven = x @ (powers(k + one, steps + 1) - one) @ np.linalg.inv(k)
    close(results[None], homogeneous, 1e-4)
    close(results["add"], driven, 1e-4)
    assert far(homogeneous, driven)


@pytest.mark.parametrize("merge", ["mean", "sum", "declared_mean"])
def test_graph_merges_arriving_values(merge):
    states = {"a": (2,), "b": (2,)}
    doubled = [
        Transition(s, t, layer=keras.layers.Rescaling(f), shortcut=False)
        for s, t, f in (("a", "a", 2), ("a", "b", 3), ("b", "a", 5), ("b", "b", 7))
    ]
    graph = RecurrentGraph(states, doubled, 2, merge=merge)
    x = np.ones((1, 2), "float32")
    # Step 1: a = 2, b = 3; one input is populated, two are declared. Step 2: 3a + 7b.
    first = {"mean": (2, 3), "sum": (2, 3), "declared_mean": (1, 1.5)}[merge]
    second = 3 * first[0] + 7 * first[1]
    close(run(graph, x)[0, 0], second if merge == "sum" else second / 2)


# Sharing


def test_graph_ties_explicit_groups():
    groups = [[("a", "a", 1), ("a", "a", 3)], [("b", "b", 2), ("b", "b", 4)]]
    graph = make(TWO, "full", 4, sharing=groups)
    found = {
        (e.source, e.target, e.step): graph.application(e.key)
        for e in graph.schedule().evaluations
    }
    for one, other in groups:
        assert found[one][0] is found[other][0]
        assert [found[one][1:], found[other][1:]] == [(0, 2), (1, 2)]
    # There are 12 evaluations; two pairs are tied.
    assert len(found) == 12 and len(graph.blocks) == 10


def test_graph_ties_transitions_between_different_states():
    states = {"a": (8, 8, 4), "b": (4, 4, 4), "c": (2, 2, 4)}
    groups = [[("a", "b", 1), ("b", "c", 2)]]
    graph = make(states, ["bottom_up"], 2, sharing=groups)
    assert len(graph.blocks) == 1
    assert graph.blocks[0].layers[0].moving_mean.shape == (2, 4)
    assert run(graph, inputs(graph)).shape == (4, 2, 2, 4)


@pytest.mark.once
@pytest.mark.parametrize(
    ("sharing", "blocks"),
    [("all", 4), ("none", 12), ([0, 0, 1, 1], 8), ({"a": "none"}, 7)],
    ids=str,
)
def test_graph_accepts_all_forms_of_sharing(sharing, blocks):
    graph = make(TWO, "full", 4, sharing=sharing)
    assert len(graph.blocks) == blocks
    rows = [la.moving_mean.shape[0] for b in graph.blocks for la in b.layers[:1]]
    assert sum(rows) == 12 and rows == graph.graph_weights.rows
    twin = make(TWO, "full", 4, sharing="none")
    if sharing != "none":
        assert far(run(twin, inputs(twin)), run(graph, inputs(graph)))
    copy_by_application(graph, twin)
    close(run(twin, inputs(twin)), run(graph, inputs(graph)))


def test_graph_twins_are_equal_after_one_step():
    shared, untied = (make(THREE, "full", 1, sharing=s) for s in ("all", "none"))
    assert shared.count_params() == untied.count_params()
    x = inputs(shared)
    np.testing.assert_array_equal(run(shared, x), run(untied, x))


@pytest.mark.once
@pytest.mark.parametrize("sharing", ["all", "none"])
@pytest.mark.parametrize("transitions", ["full", "adjacent"])
def test_graph_prune_does_not_change_the_readout(transitions, sharing):
    simulated = make(THREE, transitions, 4, sharing=sharing, prune=False)
    pruned = make(THREE, transitions, 4, sharing=sharing)
    more = len(simulated.schedule().evaluations) - len(pruned.schedule().evaluations)
    assert more == {"full": 6, "adjacent": 7}[transitions]
    x = inputs(pruned)
    assert far(run(pruned, x), run(simulated, x)) or sharing == "all"
    copy_by_application(simulated, pruned)
    close(run(pruned, x), run(simulated, x))


# Time


@pytest.mark.parametrize(
    ("merge", "sharing", "injection"),
    [
        ("mean", "all", "add"),
        ("mean", "none", None),
        ("declared_mean", [0, 0, 1, 1, 1], "add"),
    ],
    ids=str,
)
def test_graph_readouts_equal_those_of_shorter_runs(merge, sharing, injection):
    options = {"merge": merge, "sharing": sharing, "injection": injection}
    graph = make(THREE, "adjacent", 5, **options)
    x = inputs(graph)
    every = run(graph, x, return_sequences=True)
    assert every.shape == (4, 5, 2, 2, 8)
    assert not every[:, 0].any()  # Nothing has come so far in one step.
    close(every[:, 4], run(graph, x))
    if isinstance(sharing, list):
        options["sharing"] = sharing[:3]
    shorter = make(THREE, "adjacent", 3, **options)
    copy_by_application(graph, shorter)
    close(run(shorter, x), every[:, 2])
    close(run(graph, x, steps=3), every[:, 2])
    assert far(every[:, 2], every[:, 4])


def test_graph_with_one_row_of_statistics_differs_from_shorter_runs():
    outputs = []
    for statistics in (None, 1):
        graphs = [
            RecurrentGraph(TWO, "full", n, max_statistics=statistics, seed=0)
            for n in (4, 2)
        ]
        for graph in graphs:
            graph(inputs(graph), training=True)
        outputs.append([run(g, inputs(g), steps=2) for g in graphs])
    close(*outputs[0])
    assert far(*outputs[1])


def test_graph_statistics_per_step_replay_the_training_pass():
    graph = make(THREE, "full", 5)
    norms = [
        la
        for block in graph.blocks
        for la in block.layers
        if isinstance(la, TimeSpecificBatchNormalization)
    ]
    for norm in norms:
        norm.momentum = 0.0
    x = inputs(graph, batch=16)
    trained = run(graph, x, training=True)
    close(run(graph, x), trained, 1e-4)
    # Negative control: statistics averaged over time do not replay it.
    for norm in norms:
        for rows in (norm.moving_mean, norm.moving_variance):
            mean = array(rows).mean(axis=0, keepdims=True)
            rows.assign(np.broadcast_to(mean, rows.shape))
    assert far(run(graph, x), trained)


def test_graph_uses_the_last_statistics_in_longer_runs():
    graph = make(TWO, "full", 3)
    assert run(graph, inputs(graph), steps=7).shape == (4, 4, 4, 6)
    for sharing in ("none", [0, 1, 1]):
        closed = make(TWO, "full", 3, sharing=sharing)
        with pytest.raises(ValueError, match="No weights exist for a -> a"):
            closed(inputs(closed), steps=4)
    short = make(THREE, "full", 1)
    with pytest.raises(ValueError, match="a -> a has no weights: it cannot reach"):
        short(inputs(short), steps=3)


def test_graph_feeds_a_sequence_entry_by_entry():
    states = {"a": (5,), "b": (6,)}
    graph = make(states, "full", 4, injection="sequence", max_statistics=3)
    x = inputs(graph)
    every = run(graph, x, return_sequences=True)
    for changed in range(5):
        other = x.copy()
        other[:, changed] += 1.0
        later = run(graph, other, return_sequences=True)
        # Entry s arrives at step s; b receives it one step later.
        np.testing.assert_array_equal(later[:, :changed], every[:, :changed])
        for step in range(changed, 4):
            assert far(later[:, step], every[:, step])
    close(run(graph, x[:, :4]), every[:, 3])
    with pytest.raises(
        ValueError, match=r"shape \(4, 3, 5\) for 4 steps, which need 4"
    ):
        graph(x[:, :3])
    shapes = {b.layers[0].moving_mean.shape[0] for b in graph.blocks}
    assert max(shapes) == 3


# Training, files, precision


def trained_step(graph, x, **options):
    inputs_ = keras.Input(x.shape[1:])
    pooled = keras.layers.Flatten()(graph(inputs_))
    model = keras.Model(
        inputs_, keras.layers.Dense(3, kernel_initializer="ones")(pooled)
    )
    model.compile(keras.optimizers.SGD(1e-3), "mse", **options)
    target = np.random.default_rng(5).normal(size=(len(x), 3)).astype("float32")
    model.train_on_batch(x, target)
    return model, [array(w) for w in graph.weights]


def test_graph_remat_does_not_change_training(jit):
    ours, twins = (make(TWO, "full", 3, remat=remat) for remat in (False, True))
    x = inputs(ours)
    before = [array(w) for w in ours.weights]
    _, first = trained_step(ours, x, jit_compile=jit)
    _, second = trained_step(twins, x, jit_compile=jit)
    for a, b, old in zip(first, second, before, strict=True):
        assert not np.array_equal(a, old)
        close(b, a, 1e-4)


def test_graph_carries_the_states_of_a_stateful_rnn_with_remat():
    rnn = keras.layers.GRU(4, return_sequences=True, stateful=True)
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    by_hand = [array(rnn(x))]
    by_hand.append(array(rnn(by_hand[0])))
    change = Transition("a", "a", layer=rnn, shortcut=False)
    graph = RecurrentGraph({"a": (5, 4)}, [change], 2, "sum", remat=True)
    rnn.reset_state()
    close(array(graph(x, return_sequences=True)), np.stack(by_hand, 1))
    rnn.reset_state()
    close(array(graph(x)), by_hand[1])


def test_graph_survives_files_clones_and_configs(tmp_path):
    groups = [[("a", "a", 1), ("a", "a", 2)], [["b", "b", 2], ["b", "b", 3]]]
    graph = make(
        TWO,
        [
            Transition("a", "a", layer=keras.layers.Conv2D(4, 3, padding="same")),
            Transition("b", "b", layer="BRCx3", shortcut=False),
            ("a", "b", 1, -2),
            ("b", "a", 2, 2),
            Transition("a", "b", -1),
        ],
        3,
        merge="sum",
        sharing=groups,
        affine="per_iteration",
        max_statistics=2,
    )
    x = inputs(graph)
    model, _ = trained_step(graph, x)
    expected = array(model(x))
    model.save(tmp_path / "model.keras")
    copies = [
        keras.models.load_model(tmp_path / "model.keras"),
        keras.models.clone_model(model),
        type(model).from_config(model.get_config()),
    ]
    for i, copy in enumerate(copies):
        if i:
            copy.set_weights(model.get_weights())
        close(array(copy(x)), expected)
        loop = next(la for la in copy.layers if isinstance(la, RecurrentGraph))
        ours, theirs = graph.get_config(), loop.get_config()
        for config in (ours, theirs):  # What is built says so, beside what it is.
            config["transitions"] = [repr(t) for t in graph.transitions]
        assert theirs == ours
        assert [repr(t) for t in loop.transitions] == ours["transitions"]
        assert len(loop.blocks) == len(graph.blocks)
    # Tied weights stay tied in further training.
    after = []
    for m in (model, copies[0]):
        m.train_on_batch(x, np.zeros((4, 3)))
        after.append(array(m(x)))
    close(after[1], after[0])
    assert far(after[0], expected)


def test_graph_accepts_the_users_layers():
    class Half(keras.layers.Layer):
        """Unregistered layer with dropout and weights."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.drop = keras.layers.Dropout(0.5, seed=1)
            self.dense = keras.layers.Dense(6)

        def call(self, x, training=None):
            return self.dense(self.drop(x[:, ::2, ::2], training=training))

    half = Half(name="half")
    own = Transition("a", "b", layer=half)
    shared = make(TWO, ["self", own], 4)
    assert half in shared.blocks and half.built
    untied = make(TWO, ["self", Transition("a", "b", layer=Half())], 4, sharing="none")
    blocks = [b for b in untied.blocks if isinstance(b, Half)]
    assert len(blocks) == 4
    kernels = [array(b.dense.kernel) for b in blocks]
    assert all(far(kernels[0], k) for k in kernels[1:])
    assert run(untied, inputs(untied), training=True).shape == (4, 4, 4, 6)


@pytest.mark.once
def test_graph_plot_writes_a_figure(tmp_path):
    for name, graph in {
        "full": make(THREE, "full", 4),
        "untied": make(THREE, "adjacent", 3, sharing="none", injection="add"),
    }.items():
        figure = graph.plot(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        texts = [t.get_text() for axes in figure.axes for t in axes.texts]
        assert {"a\n8x8x4", "input", "readout", "top-down"} <= set(texts)
        assert texts.count("c") == {"full": 4, "untied": 2}[name]
    assert "24 transitions, 9 sets" in make(THREE, "full", 4).plot().axes[1].get_title()


# Bad input


SELF = [("a", "a")]
BAD = {
    "size": (
        {"a": (8, 8, 4), "b": (3, 3, 4)},
        {},
        r"halve or double.*\(8, 8\) and \(3",
    ),
    "uneven": ({"a": (8, 8, 4), "b": (4, 8, 4)}, {}, "same number of times on every"),
    "unreachable": (THREE, {"transitions": "adjacent", "steps": 1}, "after 2 steps"),
    "never": (
        THREE,
        {"transitions": ["self"]},
        "No number of steps reaches it: add a transition",
    ),
    "too late": (TWO, {"transitions": ["self", ("a", "b", 6)]}, "after 6 steps"),
    "step zero": (TWO, {"transitions": [("a", "a", 0)]}, "a cycle in which no time"),
    "bottom-up at zero": (TWO, {"transitions": [("a", "b", 0)]}, "only the input"),
    "empty range": (TWO, {"transitions": [("a", "b", 3, 2)]}, "exists at no step"),
    "no integer": (TWO, {"transitions": [("a", "b", 1.0)]}, "number of a step"),
    "unknown state": (
        {"V1": (4,), "V2": (4,)},
        {"transitions": [("V1", "V22")]},
        r"Received: 'V22'.*Did you mean 'V2'\?",
    ),
    "unknown readout": (TWO, {"readout": "V4"}, "Unknown state in `readout`"),
    "unknown state in sharing": (TWO, {"sharing": {"v": "all"}}, "in `sharing`"),
    "overlap": (
        TWO,
        {"sharing": [[("a", "a", 1)], [("a", "b", 1), ("a", "a", 1)]]},
        r"overlap. Received: \('a', 'a', 1\) in group 0 and group 1",
    ),
    "no transition": (
        TWO,
        {"sharing": [[("a", "a", 1), ("a", "a", 9)]]},
        "names a transition that does not.*exists at steps 1 to 4",
    ),
    "unequal shapes": (
        TWO,
        {"sharing": [[("a", "a", 1), ("b", "b", 2)]]},
        r"shapes differ. Received: \('a', 'a', 1\) and \('b', 'b', 2\)",
    ),
    "group ids": (TWO, {"sharing": [0, 1]}, "2 group ids.*for steps=4"),
    "sharing": (TWO, {"sharing": 3}, "group id for every step, a mapping"),
    "sharing word": (TWO, {"sharing": "al"}, "Did you mean 'all'"),
    "steps": (TWO, {"steps": 0}, "`steps` must be a positive integer, 1 or more"),
    "steps real": (TWO, {"steps": 4.0}, "Did you mean `steps=4`"),
    "merge": (TWO, {"merge": "average"}, "`merge`. Received: merge='average'"),
    "transitions": (TWO, {"transitions": "ful"}, "Did you mean 'full'"),
    "kind": (TWO, {"transitions": ["bottomup"]}, "Did you mean 'bottom_up'"),
    "none": (TWO, {"transitions": []}, "A graph needs transitions"),
    "twice": (TWO, {"transitions": ["self", *SELF]}, "at the same step"),
    "kernel": (TWO, {"kernel_size": 2}, "must be odd.*Nearest: 3"),
    "no states": ({}, {}, "must map names to shapes"),
    "shape": ({"a": (8, 0, 4)}, {}, r"states\['a'\]=\(8, 0, 4\)"),
    "name": ({"a/b": (4,)}, {}, "without '/'"),
    "ranks": ({"a": (8, 4), "b": (4,)}, {}, "same number of axes"),
    "shortcut": (
        TWO,
        {"transitions": ["self", Transition("a", "b", shortcut=True)]},
        "A shortcut needs states of equal shape",
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("case", BAD)
def test_graph_refuses_invalid_arguments(case):
    states, arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        RecurrentGraph(states, **{"transitions": "full", "steps": 4, **arguments})


def test_graph_refuses_invalid_calls():
    graph = make(TWO, "full", 3)
    with pytest.raises(ValueError, match=r"shape of the first state.*\(4, 8, 8, 5\)"):
        graph(np.zeros((4, 8, 8, 5), "float32"))
    with pytest.raises(ValueError, match="1 or more"):
        graph(inputs(graph), steps=0)
    wrong = Transition("a", "b", layer=keras.layers.Conv2D(6, 3))
    with pytest.raises(ValueError, match=r"into that of 'b', \(4, 4, 6\). Received"):
        RecurrentGraph(TWO, ["self", wrong], 2)(inputs(graph))
    with pytest.raises(ValueError, match=r"2 states|for 2 states"):
        resnet_transitions(["a", "b"], [1])
    with pytest.raises(ValueError, match="Unknown value for `layer`"):
        Transition("a", "b", layer="BRCx4")
