"""Updated statistics, compared with averages computed by hand."""

import itertools

import keras
import numpy as np
import pytest
from banked import filled, model_of, tanh
from compare import array, close, far
from keras import layers

from keras_recur import inference
from keras_recur.analysis import update_batch_norm
from keras_recur.layers import (
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
)
from keras_recur.layers._walk import walk


def plain():
    return layers.BatchNormalization(momentum=0.9, name="norm")


def time_specific():
    return TimeSpecificBatchNormalization(
        affine="per_iteration", momentum=0.9, name="norm"
    )


def batches(count=4):
    rng = np.random.default_rng(1)
    return [
        (rng.normal(t, t + 1, (16, 4)).astype("float32"), None) for t in range(count)
    ]


def statistics(model):
    """Return means and variances, `(2, rows, 4)`."""
    return np.stack(
        [
            np.concatenate(
                [array(w).reshape(-1, 4) for w in model.weights if name in w.name]
            )
            for name in ("moving_mean", "moving_variance")
        ]
    )


def by_hand(loop, data):
    """Return statistics of each batch and iteration, `(2, batches, 3, 4)`."""
    if loop.banks:
        rows = loop.weight_sharing.values()
    else:
        rows = [[array(w) for w in loop.block_of(t).weights] for t in range(3)]
    means, variances = [], []
    for x, _ in data:
        for t, (kernel, bias, gamma, beta, *_) in enumerate(rows):
            x = np.tanh(x @ kernel + bias)
            means.append(x.mean(0))
            variances.append(x.var(0))
            if gamma.ndim == 2:  # One row per iteration.
                gamma, beta = gamma[t % len(gamma)], beta[t % len(beta)]
            x = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) * gamma + beta
    return np.reshape([means, variances], (2, len(data), 3, 4))


LOOPS = {
    "untied": (plain, {"sharing": "none"}),
    "time-specific": (time_specific, {}),
    "time-specific, rolled": (time_specific, {"unroll": False}),
    "soft": (plain, {"sharing": TemplateBank(2)}),
    "soft, rolled": (plain, {"sharing": TemplateBank(2), "unroll": False}),
    "soft, time-specific": (time_specific, {"sharing": TemplateBank(2)}),
    # One normalization for all iterations averages over them too.
    "shared": (plain, {}),
    "shared, rolled": (plain, {"unroll": False}),
    "shared, remat": (plain, {"remat": True}),
}


@pytest.mark.parametrize("case", LOOPS)
def test_update_batch_norm_averages_over_batches_and_iterations(case):
    norm, options = LOOPS[case]
    loop = SharedRecurrentBlock(keras.Sequential([tanh(), norm()]), 3, **options)
    model = filled(model_of(loop))
    others = [w for w in model.weights if "moving" not in w.name]
    before = [array(w) for w in others]
    for data in (batches(4), batches(2)):  # Earlier statistics are forgotten.
        expected = by_hand(loop, data).mean(axis=1)
        if case.startswith("shared"):
            expected = expected.mean(axis=1, keepdims=True)
        assert far(statistics(model), expected)
        update_batch_norm(model, data)
        close(statistics(model), expected)
    for weight, old in zip(others, before, strict=True):
        np.testing.assert_array_equal(array(weight), old)


@pytest.mark.parametrize("nested", [False, True], ids=["model", "nested model"])
@pytest.mark.parametrize("sharing", ["all", TemplateBank(2)], ids=["shared", "soft"])
def test_update_batch_norm_handles_rolled_calls(sharing, nested):
    """The call's `unroll` replaces the layer's own."""
    loop = SharedRecurrentBlock(keras.Sequential([tanh(), plain()]), 3, sharing)
    model = model_of(loop)
    model = filled(model_of(model) if nested else model)
    model = inference.with_iterations(model, unroll=False)
    data = batches(4)
    expected = by_hand(loop, data).mean(axis=1)
    if not loop.banks:
        expected = expected.mean(axis=1, keepdims=True)
    update_batch_norm(model, data)
    close(statistics(model), expected)


def trainable(model):
    inside = [la for la in walk(model)]
    variables = {id(v): v.trainable for la in inside for v in la.variables}
    return [la.trainable for la in inside], list(variables.values())


@pytest.mark.parametrize("norm", [plain, time_specific])
@pytest.mark.parametrize("sharing", ["all", "none", TemplateBank(2)])
@pytest.mark.parametrize("what", ["model", "loop", "norm", "loop but for a layer"])
def test_update_batch_norm_updates_frozen_layers(what, sharing, norm):
    loop = SharedRecurrentBlock(keras.Sequential([tanh(), norm()]), 3, sharing)
    model = filled(model_of(loop))
    norms = [loop.block_of(t).layers[1] for t in range(3)]
    for layer in {"model": [model], "norm": norms}.get(what, [loop]):
        layer.trainable = False
    if what == "loop but for a layer":
        for layer in loop._flatten_layers(include_self=False):
            layer.trainable = not isinstance(layer, type(norms[0]))
    flags, data = trainable(model), batches(3)
    expected = by_hand(loop, data).mean(axis=1)
    if sharing == "all" and norm is plain:
        expected = expected.mean(axis=1, keepdims=True)
    update_batch_norm(model, data)
    close(statistics(model), expected)
    assert trainable(model) == flags


class Holding(layers.Layer):
    """A layer that holds another one in a list."""

    def __init__(self, inner):
        super().__init__()
        self.inside = [inner]

    def call(self, x, training=None):
        return self.inside[0](x, training=training)


@pytest.mark.parametrize(
    "place",
    [lambda n: n, lambda n: keras.Sequential([n]), Holding],
    ids=["model", "nested model", "list in a layer"],
)
def test_update_batch_norm_covers_layers_outside_loops(place):
    model = filled(model_of(place(plain()), tanh()))
    data = batches()
    update_batch_norm(model, data)
    expected = [[np.mean([x.mean(0) for x, _ in data], 0)]]
    expected += [[np.mean([x.var(0) for x, _ in data], 0)]]
    close(statistics(model), expected)


def test_update_batch_norm_averages_over_calls_of_reused_layer():
    norm = plain()
    model = model_of(lambda x: norm(x) + norm(10 * x))
    data = batches()
    update_batch_norm(model, data)
    mean = np.mean([x.mean(0) for x, _ in data], 0)
    variance = np.mean([x.var(0) for x, _ in data], 0)
    close(statistics(model)[:, 0], [mean * 5.5, variance * 50.5], 1e-4)


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return batches()[i]


KINDS = {
    "(x, y)": lambda: (batches(4), {}),
    "x": lambda: ([x for x, _ in batches()], {}),
    "indexed": lambda: (Sequence(), {}),
    "the first of many": lambda: (batches(9), {"batches": 4}),
    "without an end": lambda: (itertools.cycle(batches(4)), {"batches": 8}),
    "at most 50": lambda: (itertools.chain(batches(4) * 12, batches(2), [0]), {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_update_batch_norm_accepts_all_forms_of_data(kind):
    model = model_of(plain())
    data, options = KINDS[kind]()
    update_batch_norm(model, data, **options)
    means = np.stack([x.mean(0) for x, _ in batches()])
    if kind == "at most 50":
        means = np.concatenate([means] * 12 + [means[:2]])
    close(statistics(model)[0, 0], means.mean(0))


@pytest.mark.parametrize("fails", [False, True], ids=["done", "data raises"])
def test_update_batch_norm_restores_layer_settings(fails):
    block = keras.Sequential([tanh(), plain()])
    rolled = SharedRecurrentBlock(block, 3, unroll=False)
    soft = SharedRecurrentBlock(
        keras.Sequential([tanh(), time_specific()]), 3, TemplateBank(2)
    )
    model = filled(model_of(plain(), rolled, soft))

    def data():
        yield from batches(3)
        if fails:
            raise OSError("the disk is gone")

    if fails:
        with pytest.raises(OSError, match="the disk is gone"):
            update_batch_norm(model, data())
    else:
        update_batch_norm(model, data())
    assert not rolled.unroll and soft.unroll
    outer = model.layers[1]
    for norm in (outer, block.layers[1], soft.block.layers[1]):
        assert norm.momentum == 0.9
        assert norm.call.__func__ is type(norm).call
    # Training continues as before.
    before, (x, _) = array(outer.moving_mean), batches(1)[0]
    model(x, training=True)
    close(array(outer.moving_mean), 0.9 * before + 0.1 * x.mean(0))


def test_update_batch_norm_rejects_bad_arguments():
    model = model_of(plain())
    with pytest.raises(ValueError, match="'flat' has no batch normalization"):
        update_batch_norm(
            keras.Sequential([keras.Input((4,)), tanh()], name="flat"), []
        )
    with pytest.raises(ValueError, match="`data` has no batch"):
        update_batch_norm(model, [])
    for count in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"`batches`.*positive integer.*{count}"):
            update_batch_norm(model, batches(), batches=count)
