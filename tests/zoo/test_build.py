"""Test zoo.build, the registry of families and with_iterations."""

import json
import time

import keras
import numpy as np
import pytest
from compare import array, close, output
from families import FAMILIES, SMALL, counterparts, inputs_for, loop_of, small

from keras_recur import inference, zoo
from keras_recur.inference._graph import rerun_graph
from keras_recur.layers import Readout, SharedRecurrentBlock, TemplateBank

families = pytest.mark.parametrize("name", FAMILIES)


def parameters(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


@pytest.mark.once
@pytest.mark.parametrize(
    ("twin", "match", "networks"),
    [
        ("recurrent", "depth", 1),
        ("feedforward", "depth", 1),
        ("recurrent", "parameters", 1),
        (
            "feedforward",
            "parameters",
            6,
        ),  # The recurrent twin, four widths, the result.
    ],
)
def test_pair_builds_a_network_without_its_twin(twin, match, networks, monkeypatch):
    arguments = {"width": 8, "iterations": 4, "match": match, "templates": 2, "seed": 3}
    pair = zoo.build("mlp", **arguments)
    assert pair.feedforward.count_params() and pair.recurrent.count_params()
    expected = getattr(pair, twin)
    made, make = [], zoo.Pair._network
    monkeypatch.setattr(zoo.Pair, "_network", lambda *a: made.append(a) or make(*a))
    pair = zoo.build("mlp", **arguments)
    assert not made
    model = getattr(pair, twin)
    assert getattr(pair, twin) is model and len(made) == networks
    for weight, other in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(array(weight), array(other))


@pytest.mark.once
@families
def test_build_has_a_default_for_every_argument(name):
    narrow = {"resnet": 16, "resnet_bn": 16, "swrn": 1}
    width = {"width": narrow[name]} if name in narrow else {}
    pair = zoo.build(name, **width)
    defaults = zoo.describe(name).defaults
    for key, value in {**defaults, **width}.items():
        assert pair.config[key] == value
    assert isinstance(pair.recurrent, keras.Model) and pair.name == name
    shared = loop_of(pair.recurrent).sharing
    banks = "templates" in defaults
    assert isinstance(shared, TemplateBank) if banks else shared == "all"
    assert loop_of(pair.feedforward).sharing == "none"
    assert pair.recurrent.input_shape[1:] == defaults["input_shape"]
    assert pair.recurrent.output_shape[-1] == defaults["num_classes"]


BAD = {
    "family": ({"name": "mpl"}, r"Unknown family.*'mpl'.*Did you mean 'mlp'\?"),
    "argument": ({"wdith": 8}, r"no argument 'wdith'.*Did you mean 'width'\?"),
    "option of another family": ({"injection": "concat"}, "mlp has no argument 'inj"),
    "width 0": ({"width": 0}, "`width` must be a positive integer, 1 or more"),
    "width -3": ({"width": -3}, "`width` must be a positive integer.*width=-3"),
    "width 2.0": ({"width": 2.0}, r"width=2.0.*Did you mean `width=2`\?"),
    "width True": ({"width": True}, "width=True .of type bool"),
    "iterations 0": ({"iterations": 0}, "`iterations` must be a positive integer"),
    "iterations text": ({"iterations": "5"}, "iterations='5' .of type str"),
    "classes": ({"num_classes": 0}, "`num_classes` must be a positive integer"),
    "shape": ({"input_shape": (32, 32)}, r"be like \(32, 32, 3\).*\(32, 32\)"),
    "shape 0": ({"input_shape": (32, 0, 3)}, "3 positive integers.*32, 0, 3"),
    "open shape": ({"input_shape": (None, 32, 3)}, "3 positive integers"),
    "number": ({"input_shape": 32}, r"Received: input_shape=\(32,\)"),
    "match": ({"match": "params"}, "`match`.*Did you mean 'parameters'"),
    "readout": ({"readout": "each"}, "`readout`.*'last', 'all'"),
    "sharing": ({"sharing": "al"}, "`sharing`.*Did you mean 'all'"),
    "group ids": ({"sharing": [0, 0]}, "2 group ids.*for iterations=3"),
    "no group ids": ({"sharing": ["a", "b", "c"]}, "sequence of group ids"),
    "initializer": ({"initializer": "he_norml"}, "he_norml"),
    "odd width": ({"name": "convnet", "width": 5}, "multiple of 2.*Nearest: 4"),
    "odd width, 1d": ({"name": "deep_thinking_1d", "width": 1}, "multiple of 2"),
    "small image": ({"name": "convnet", "input_shape": (18, 18, 1)}, "19x19"),
    "injection": (
        {"name": "deep_thinking_1d", "injection": "concta"},
        "`injection`.*Did you mean 'concat'",
    ),
    "normalization": (
        {"name": "deep_thinking_1d", "normalization": "batch"},
        "`normalization`.*Allowed: None, 'group'",
    ),
    "update": (
        {"name": "deep_thinking_1d", "update": "leeky"},
        "`update`.*Did you mean 'leaky'",
    ),
    "even kernel": (
        {"name": "deep_thinking_1d", "kernel_sizes": (3, 4)},
        r"`kernel_sizes` must be odd.*kernel_sizes=\(3, 4\)",
    ),
    "no kernel": (
        {"name": "deep_thinking_1d", "kernel_sizes": (), "update": "leaky"},
        "`kernel_sizes` must have at least 1 item",
    ),
    "kernel size": (
        {"name": "deep_thinking_1d", "kernel_sizes": 3},
        "`kernel_sizes` must be a list or tuple.*kernel_sizes=3",
    ),
    "kernel size 0": (
        {"name": "deep_thinking_2d", "kernel_sizes": [3, 0]},
        r"`kernel_sizes\[1\]` must be a positive integer.*kernel_sizes\[1\]=0",
    ),
    "three kernels": (
        {"name": "deep_thinking_2d", "kernel_sizes": (3, 3, 3)},
        r"two sizes with update='residual'.*\(3, 3, 3\).*update='leaky'",
    ),
    "patch 0": (
        {"name": "deep_thinking_2d", "patch": 0},
        "`patch` must be a positive integer.*patch=0",
    ),
    "patch of a string": (
        {"name": "deep_thinking_1d", "patch": 2},
        "deep_thinking_1d has no argument 'patch'",
    ),
    "size of patches": (
        {"name": "deep_thinking_2d", "patch": 2, "input_shape": (None, 9, 3)},
        r"multiples of `patch`.*input_shape=\(None, 9, 3\), patch=2",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_build_rejects_bad_arguments(case):
    arguments, message = BAD[case]
    arguments = {"name": "mlp", "iterations": 3, **arguments}
    arguments = {**SMALL.get(arguments["name"], {}), **arguments}
    with pytest.raises(ValueError, match=f"(?s){message}"):
        zoo.build(**arguments)


def weights(model):
    return [array(w) for w in model.weights]


@pytest.mark.once
@families
def test_build_repeats_networks_with_the_same_seed(name):
    def built(seed, **arguments):
        keras.utils.set_random_seed(np.random.randint(1000))  # Changes nothing.
        twice = {
            "swrn": {"depth": 22},
            "multistate_resnet": {"iterations": 4},
            "frnn_text": {"input_shape": (2,)},
        }.get(name, {"iterations": 2})
        return zoo.build(name, **twice, seed=seed, **SMALL[name], **arguments)

    def twins(pair):
        return pair.recurrent, pair.feedforward

    first, other = built(3), built(4)
    keras.utils.set_random_seed(5)
    same = zoo.build(**first.config)
    assert same.config == first.config
    for a, b, c in zip(twins(first), twins(same), twins(other), strict=True):
        for x, y in zip(weights(a), weights(b), strict=True):
            np.testing.assert_array_equal(x, y)
        assert any((x != y).any() for x, y in zip(weights(a), weights(c), strict=True))

    drawn = 0
    for x, (y, *more) in counterparts(first):
        np.testing.assert_array_equal(array(x)[: y.shape[0]], array(y))
        for copy in more if "kernel" in x.path else ():
            drawn += 1
            assert not np.array_equal(array(copy), array(y))
    assert drawn


def test_build_draws_its_seed_from_the_keras_seed():
    def built(seed):
        keras.utils.set_random_seed(seed)
        return weights(zoo.build("mlp", **SMALL["mlp"]).recurrent)

    one, same, other = built(1), built(1), built(2)
    np.testing.assert_array_equal(one[0], same[0])
    assert not np.array_equal(one[0], other[0])


def test_initial_weights_follow_pytorch():
    layer = zoo.build("mlp", width=50, iterations=1, seed=0).recurrent.get_layer(
        "first"
    )
    limit = 3072**-0.5
    for weight, near in ((layer.kernel, 0.99), (layer.bias, 0.8)):
        largest = np.abs(array(weight)).max()
        assert near * limit < largest <= limit
    other = zoo.build("mlp", width=50, iterations=1, seed=0, initializer="he_normal")
    kernel, bias = other.recurrent.get_layer("first").weights
    assert array(kernel).std() == pytest.approx((2 / 3072) ** 0.5, rel=0.02)
    assert not array(bias).any()


@pytest.mark.once
@families
def test_build_matches_parameters(name):
    step = zoo.describe(name).width_multiple
    pair = small(name, width=8, iterations=2, match="parameters")
    most = parameters(pair.recurrent)
    assert parameters(pair.feedforward) <= most
    assert 0 < pair.feedforward_width < 8
    wider = small(name, width=pair.feedforward_width + step, iterations=2).feedforward
    assert parameters(wider) > most
    assert f"matched at feed-forward width {pair.feedforward_width}" in repr(pair)
    ratio = parameters(pair.feedforward) / most
    assert f"{ratio:.3f} of the recurrent's" in repr(pair)
    assert pair.costs(tuple(s or 6 for s in pair.config["input_shape"])).ratios()[
        "parameters"
    ] == pytest.approx(ratio)


def test_build_rejects_an_impossible_match():
    with pytest.raises(
        ValueError, match="Every feed-forward mlp has more parameters.*width=1.*wider"
    ):
        small("mlp", width=1, iterations=5, match="parameters")


def test_build_shares_by_groups():
    pair = small("mlp", iterations=4, sharing=(0, 0, 1, 1))
    assert len(loop_of(pair.recurrent).blocks) == 2
    assert len(loop_of(pair.feedforward).blocks) == 4
    assert pair.config["sharing"] == [0, 0, 1, 1]


@pytest.mark.parametrize("loop", [{"unroll": False}, {"remat": True}], ids=str)
def test_unroll_and_remat_do_not_change_the_output(loop):
    plain, other = small("deep_thinking_1d"), small("deep_thinking_1d", **loop)
    for key, value in loop.items():
        assert getattr(loop_of(other.recurrent), key) == value
    x = inputs_for(plain.recurrent)
    np.testing.assert_allclose(
        output(other.recurrent, x), output(plain.recurrent, x), 1e-5, 1e-5
    )


def test_build_ignores_channels_first():
    keras.config.set_image_data_format("channels_first")
    try:
        model = small("deep_thinking_2d").recurrent
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_image_data_format("channels_last")
    assert output(model, np.zeros((1, 5, 7, 2), "float32")).shape == (1, 5, 7, 3)


def test_pair_repr_shows_arguments_and_weights():
    pair = small("mlp", readout="all")
    lines = repr(pair).splitlines()
    assert "Pair mlp: width=4, iterations=3, sharing='all'" in lines[0]
    assert "readout='all'" in lines[0]
    assert "75 weights" in lines[1] and "115 weights (1.53 times)" in lines[2]


def test_list_families_filters_by_pattern():
    everything = zoo.list_families()
    assert everything == sorted(everything) and len(everything) >= 6
    assert zoo.list_families("resnet*") == ["resnet", "resnet_bn"]
    assert zoo.list_families("nothing*") == []


@pytest.mark.once
@families
def test_describe_prints_the_description(name):
    family = zoo.describe(name)
    text = str(family)
    for part in (name, family.paper, family.shares, family.summary, "width="):
        assert part in text
    assert "arXiv" in family.paper
    for published in family.reported:
        assert f"{published.recurrent:,} recurrent" in text


# with_iterations


def loop_model(sharing="all", iterations=3):
    block = keras.Sequential([keras.layers.Dense(4, activation="tanh")])
    return SharedRecurrentBlock(block, iterations, sharing)


# These have three loops, a longer schedule, or as many steps as characters.
OTHERS = ("swrn", "multistate_resnet", "frnn_text")


@pytest.mark.once
@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in OTHERS])
def test_with_iterations_shares_weights_with_the_model(name):
    model = small(name).recurrent
    x = inputs_for(model)
    before = output(model, x)
    other = inference.with_iterations(model, 5)
    assert other is not model
    assert [id(w) for w in other.weights] == [id(w) for w in model.weights]
    assert not np.allclose(output(other, x), before, 1e-3)
    np.testing.assert_array_equal(output(model, x), before)
    back = inference.with_iterations(other, 3)
    np.testing.assert_allclose(output(back, x), before, 1e-6, 1e-6)
    every = inference.with_iterations(model, 5, readout="all")
    assert every.output_shape[1] == 5
    np.testing.assert_allclose(output(every, x)[:, 2], before, 1e-5, 1e-5)
    last = inference.with_iterations(every, readout="last")
    np.testing.assert_allclose(output(last, x), output(other, x), 1e-5, 1e-5)


def test_with_iterations_rejects_more_than_untied_weights():
    model = small("mlp").feedforward
    assert inference.with_iterations(model, 2).output_shape == (None, 3)
    with pytest.raises(ValueError, match="at most 3.*no weights for more"):
        inference.with_iterations(model, 4)


@pytest.mark.parametrize("value", [0, 1.5, "3"])
def test_with_iterations_requires_a_positive_integer(value):
    with pytest.raises(ValueError, match="`iterations` must be a positive integer"):
        inference.with_iterations(small("mlp").recurrent, value)


def test_with_iterations_requires_a_loop():
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="only")])
    with pytest.raises(
        ValueError, match=r"must have a SharedRecurrentBlock.*\['only'\]"
    ):
        inference.with_iterations(plain, 3)
    with pytest.raises(ValueError, match="`model` must be a Keras model"):
        inference.with_iterations("mlp", 3)
    with pytest.raises(ValueError, match="`readout`.*'last', 'all'"):
        inference.with_iterations(small("mlp").recurrent, readout="first")

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.loop = loop_model()

        def call(self, x):
            return self.loop(x)

    with pytest.raises(ValueError, match="Functional or Sequential.*Subclassed"):
        inference.with_iterations(Subclassed(), 3)


def by_hand(loop, x, iterations):
    for _ in range(iterations):
        x = array(loop.block(x))
    return x


@pytest.mark.parametrize("nested", [False, True], ids=["sequential", "nested"])
def test_with_iterations_accepts_a_user_model(nested):
    loop = loop_model()
    model = keras.Sequential([keras.Input((4,)), loop])
    if nested:
        outer = keras.Input((4,))
        model = keras.Model(outer, model(outer))
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    longer = inference.with_iterations(model, 6)
    np.testing.assert_allclose(output(longer, x), by_hand(loop, x, 6), 1e-5, 1e-6)
    np.testing.assert_allclose(output(model, x), by_hand(loop, x, 3), 1e-5, 1e-6)


def own_loss(y, y_pred):
    """Not registered, so Keras cannot create it from a config."""
    return keras.ops.mean(keras.ops.square(y - y_pred), axis=-1)


@pytest.mark.parametrize("kind", ["sequential", "functional", "nested"])
def test_with_iterations_accepts_a_compiled_model(kind):
    inner = model = keras.Sequential([keras.Input((4,)), loop_model()])
    inner.compile("sgd", own_loss)
    if kind != "sequential":
        if kind == "nested":
            outer = keras.Input((4,))
            model = keras.Model(outer, inner(outer))
        else:
            model = keras.Model(inner.inputs[0], inner.outputs[0])
        model.compile("sgd", own_loss)
    x = np.ones((2, 4), "float32")
    model.train_on_batch(x, x)
    longer = inference.with_iterations(model, 6)
    assert model.compiled and not longer.compiled
    (loop,) = [la for la in inner.layers if isinstance(la, SharedRecurrentBlock)]
    np.testing.assert_allclose(output(longer, x), by_hand(loop, x, 6), 1e-5, 1e-6)


def test_rerun_graph_accepts_a_sequential():
    loop = loop_model()
    model = keras.Sequential([keras.Input((4,)), loop])
    x = np.ones((2, 4), "float32")
    found = rerun_graph(model, iterations=6)(x)
    expected = loop(x, iterations=6)
    np.testing.assert_allclose(array(found), array(expected), 1e-6)


def test_with_iterations_requires_a_graph():
    with pytest.raises(ValueError, match="has no graph before its input is known"):
        inference.with_iterations(keras.Sequential([loop_model()]), 3)


def test_with_iterations_keeps_a_user_readout():
    start = keras.Input((4,))
    loop = loop_model()
    model = keras.Model(start, Readout(keras.layers.Dense(2))(loop(start)))
    assert inference.with_iterations(model, 7, readout="all").output_shape == (
        None,
        7,
        2,
    )
    assert model.output_shape == (None, 2)


@pytest.mark.once
@pytest.mark.parametrize("name", zoo.list_families())
def test_build_rejects_one_class(name):
    with pytest.raises(ValueError, match="Use num_classes=2"):
        zoo.build(name, num_classes=1)


HUGE = [
    {"iterations": 10**9},
    {"iterations": 10**6},
    {"width": 10**9},
    {"width": 10**6},
    {"num_classes": 10**9},
    {"input_shape": (10**6, 10**6, 3)},
    {"templates": 10**9},
]


@pytest.mark.once
@pytest.mark.parametrize("sizes", HUGE, ids=str)
def test_build_rejects_huge_sizes_quickly(sizes):
    start = time.perf_counter()
    with pytest.raises(ValueError, match="Received"):
        zoo.build("mlp", **sizes)
    assert time.perf_counter() - start < 10


@pytest.mark.once
def test_build_accepts_numpy_numbers():
    pair = zoo.build(
        "frnn",
        input_shape=np.array([8, 8, 1]),
        num_classes=np.int64(3),
        width=np.int32(4),
        iterations=np.int64(4),
        states=np.int64(2),
        seed=np.int64(1),
    )
    assert json.loads(json.dumps(pair.config))["states"] == 2


def members(place):
    """Return two networks of equal layers: built twice, twins, or a clone."""
    network = zoo.build("deep_thinking_1d", width=4, iterations=2, seed=0).recurrent
    if place == "built":
        other = zoo.build("deep_thinking_1d", width=4, iterations=2, seed=1)
        return network, other.recurrent
    if place == "twins":
        pair = zoo.build("deep_thinking_1d", width=4, iterations=2, seed=0)
        return pair.recurrent, pair.feedforward
    return network, keras.models.clone_model(network)


@pytest.mark.parametrize("place", ["built", "twins", "clone"])
def test_ensemble_trains_the_same_from_the_same_weights(place):
    """On PyTorch, Keras resets gradients by path, and the paths are equal."""
    x = np.random.default_rng(0).normal(size=(4, 8, 1)).astype("float32")
    inputs, outputs = keras.Input((8, 1)), []
    for n, network in enumerate(members(place)):
        network.name = f"member_{n}"
        outputs.append(network(inputs))
    model = keras.Model(inputs, keras.layers.Average()(outputs))
    eager = keras.backend.backend() == "tensorflow"
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=eager)
    start, after = [w.copy() for w in model.get_weights()], []
    for _ in range(2):
        model.set_weights(start)
        model.train_on_batch(x, np.ones((4, 8, 2), "float32"))
        after.append(model.get_weights())
    for first, second in zip(*after, strict=True):
        np.testing.assert_allclose(first, second, 1e-5, 1e-6)


def test_truncated_gradients_apply_to_the_recurrent_twin():
    arguments = {"width": 4, "iterations": 6, "seed": 0}
    plain = zoo.build("deep_thinking_1d", **arguments)
    pair = zoo.build(
        "deep_thinking_1d", detach_every=3, gradient_iterations=1, **arguments
    )
    loop = loop_of(pair.recurrent)
    assert (loop.detach_every, loop.gradient_iterations) == (3, 1)
    assert loop_of(pair.feedforward).detach_every is None
    assert zoo.build(**pair.config).config == pair.config
    assert "detach_every" not in plain.config
    x = np.ones((2, 8, 1), "float32")
    close(array(pair.recurrent(x)), array(plain.recurrent(x)))


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mlp", {"detach_every": 9, "iterations": 4}, "from 1 to 4.*detach_every=9"),
        ("mlp", {"gradient_iterations": 0}, "`gradient_iterations` must be"),
        ("mlp", {"gradient_iterations": 1, "templates": 2}, "leave all weights"),
        ("frnn", {"detach_every": 2}, "frnn has no SharedRecurrentBlock"),
    ],
)
def test_build_checks_truncated_gradients(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.build(name, **arguments)
