"""Sharing: parameters, gradients, and copies of the block."""

import contextlib
import functools
import time

import keras
import numpy as np
import pytest
from compare import array, close, weights
from harness import dense, model_of, normal, train, unseeded
from keras import layers, ops

from keras_recur.layers import SharedRecurrentBlock, TemplateBank

SHARINGS = {
    "all": ("all", 1),
    "none": ("none", 4),
    "pairs": ([0, 0, 1, 1], 2),
    "alternating": ([0, 1, 0, 1], 2),
    "any ids": ((7, -1, 7, 3), 3),
}
sharings = pytest.mark.parametrize(
    ("sharing", "copies"), SHARINGS.values(), ids=SHARINGS.keys()
)


def conv_block():
    return keras.Sequential(
        [
            layers.Conv1D(4, 3, padding="same"),
            layers.LayerNormalization(),
            layers.ReLU(),
        ]
    )


@pytest.mark.parametrize(("make", "shape"), [(dense, (4,)), (conv_block, (5, 4))])
def test_loop_equals_a_graph_that_calls_the_block(make, shape):
    block = make()
    hand = model_of(block, block, block, shape=shape)
    other = make()
    loop = model_of(SharedRecurrentBlock(other, 3), shape=shape)
    loop.set_weights(hand.get_weights())
    results = [train(model, epochs=2) for model in (loop, hand)]
    close(*map(unseeded, results))


@pytest.mark.parametrize("sharing", ["all", "none", [5]])
def test_loop_of_one_iteration_equals_the_block(sharing):
    block, x = built(dense()), normal(2, 4)
    loop = SharedRecurrentBlock(block, 1, sharing=sharing)
    close(array(loop(x)), array(block(x)))
    assert loop.count_params() == block.count_params()
    assert (loop.block is block) == (sharing == "all")


@sharings
def test_sharing_determines_the_parameters(sharing, copies):
    loop = SharedRecurrentBlock(dense(), 4, sharing=sharing)
    loop.build((None, 4))
    assert loop.count_params() == copies * (4 * 4 + 4)
    assert len(loop.blocks) == copies


def test_sharing_all_keeps_parameters_for_more_iterations():
    for iterations in (1, 2, 9):
        loop = SharedRecurrentBlock(dense(), iterations)
        loop.build((None, 4))
        assert loop.count_params() == 20


@sharings
def test_sharing_groups_are_applied_in_order(sharing, copies):
    loop, x = SharedRecurrentBlock(dense(), 4, sharing=sharing), normal(2, 4)
    actual = array(loop(x))
    ids = {"all": [0] * 4, "none": range(4)}.get(str(sharing), sharing)
    of = {group: loop.blocks[n] for n, group in enumerate(dict.fromkeys(ids))}
    for group in ids:
        x = of[group](x)
    close(actual, array(x))


@pytest.mark.parametrize("sharing", ["all", [0, 0, 1, 1], [0, 1, 0, 1]])
def test_sharing_sums_gradients_of_untied_copies(sharing):
    tied = SharedRecurrentBlock(dense(), 4, sharing=sharing)
    free = SharedRecurrentBlock(dense(), 4, sharing="none")
    models = model_of(tied), model_of(free)
    for block, group in zip(free.blocks, tied.groups, strict=True):
        block.set_weights(tied.blocks[group].get_weights())
    before = [weights(block) for block in tied.blocks]
    for model in models:
        train(model)
    for group, old in enumerate(before):
        for n, start in enumerate(old):
            steps = [
                weights(block)[n] - start
                for block, g in zip(free.blocks, tied.groups, strict=True)
                if g == group
            ]
            close(weights(tied.blocks[group])[n] - start, sum(steps))
            assert np.abs(steps).max() > 1e-3


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("kind", ["layer", "sequential", "functional"])
def test_copies_have_different_initial_weights(seed, kind):
    block = dense(kernel_initializer=keras.initializers.GlorotUniform(seed=seed))
    if kind == "sequential":
        block = keras.Sequential([keras.Sequential([block])])
    if kind == "functional":
        block = model_of(block)
    loop = SharedRecurrentBlock(block, 3, sharing="none")
    loop.build((None, 4))
    first, second, third = (weights(b)[0] for b in loop.blocks)
    for one, other in [(first, second), (first, third), (second, third)]:
        assert np.abs(one - other).max() > 1e-2


def test_seeded_copies_are_reproducible():
    def kernels():
        init = keras.initializers.GlorotUniform(seed=3)
        loop = SharedRecurrentBlock(dense(kernel_initializer=init), 3, "none")
        loop.build((None, 4))
        return weights(loop)

    close(kernels(), kernels(), 0)


def test_seeded_dropout_differs_between_copies_and_between_iterations():
    x = np.ones((1, 64), "float32")
    for sharing in ("all", "none"):
        loop = SharedRecurrentBlock(layers.Dropout(0.5, seed=1), 2, sharing=sharing)
        first, second = array(loop(x, return_sequences=True, training=True))[0]
        dropped_later = (second == 0) & (first != 0)
        assert dropped_later.any()  # The same mask twice would drop nothing more.


def test_loop_draws_follow_the_seed():
    def run():
        keras.utils.set_random_seed(2)
        block = keras.Sequential([dense(), layers.Dropout(0.5, seed=4)])
        return train(model_of(SharedRecurrentBlock(block, 3, sharing=[0, 1, 0])))

    close(run(), run(), 0)


def test_loop_keeps_the_weights_of_a_built_functional():
    block = model_of(dense())
    kept = weights(block)
    loop = SharedRecurrentBlock(block, 2, sharing="none")
    loop.build((None, 4))
    close(weights(loop.blocks[0]), kept, 0)


def built(block):
    block.build((None, 4))
    return block


@pytest.mark.parametrize("again", [False, True], ids=["new", "from config"])
@pytest.mark.parametrize(
    "make",
    [
        dense,
        lambda: built(dense()),
        lambda: keras.Sequential([keras.Input((4,)), dense()]),
        lambda: model_of(dense(), layers.BatchNormalization()),
    ],
    ids=["layer", "built layer", "built sequential", "functional"],
)
def test_copies_have_unique_names(make, again):
    """On PyTorch Keras zeroes gradients by path; equal paths would add them up."""
    loop = SharedRecurrentBlock(make(), 2, sharing="none")
    if again:
        loop(normal(2, 4))
        loop = SharedRecurrentBlock.from_config(loop.get_config())
    model = model_of(loop)
    paths = [w.path for w in model.weights]
    assert len(set(paths)) == len(paths)
    before = weights(model)
    train(model, epochs=2)
    twice = weights(model)
    model.set_weights(before)
    train(model, epochs=2)
    close(weights(model), twice)


def test_loop_ties_a_built_block_without_config():
    class Plain(layers.Dense):
        def __init__(self, initializer):
            super().__init__(4, kernel_initializer=initializer)

        def get_config(self):
            raise NotImplementedError

    loop = SharedRecurrentBlock(built(Plain("ones")), 2)
    close(array(loop(np.ones((1, 4)))), np.full((1, 4), 16.0))


# What a block holds, in its copies

SHARINGS_OF_COPIES = ["none", [0, 0, 1], TemplateBank(2)]
of_copies = pytest.mark.parametrize(
    "sharing", SHARINGS_OF_COPIES, ids=["none", "groups", "bank"]
)


def scaled(factor):
    def activation(x):
        return factor * ops.tanh(x)

    return activation


class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * ops.tanh(x)


class Halved(keras.constraints.Constraint):
    def __init__(self, bound=1.0):
        self.bound = bound

    def __call__(self, w):
        return ops.clip(w, -self.bound, self.bound)


class Unregistered(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.inner = layers.Dense(4, activation=scaled(factor))

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


OWN_OBJECTS = {
    "two closures of one name": lambda: keras.Sequential(
        [dense(activation=scaled(2.0)), dense(activation=scaled(3.0))]
    ),
    "lambda": lambda: keras.Sequential([dense(activation=lambda x: 2 * ops.tanh(x))]),
    "Lambda layer": lambda: keras.Sequential(
        [dense(), layers.Lambda(lambda x, k: k * x, arguments={"k": 2.0})]
    ),
    "partial": lambda: dense(
        activation=functools.partial(ops.leaky_relu, negative_slope=0.3)
    ),
    "callable object": lambda: dense(activation=Scaled(2.0)),
    "initializer": lambda: dense(
        bias_initializer=lambda shape, dtype=None: ops.ones(shape, dtype)
    ),
    "constraint": lambda: dense(bias_constraint=Halved(5.0)),
    "unregistered layer": lambda: keras.Sequential([Unregistered(2.0)]),
    "functional": lambda: model_of(dense(activation=scaled(2.0)), ops.tanh),
    "wrapper": lambda: keras.Sequential(
        [
            layers.Reshape((1, 4)),
            layers.TimeDistributed(dense(activation=scaled(2.0))),
            layers.Flatten(),
        ]
    ),
}


@of_copies
@pytest.mark.parametrize("make", OWN_OBJECTS.values(), ids=OWN_OBJECTS.keys())
def test_copies_keep_user_functions_and_objects(make, sharing):
    """Compare the loop with calls of the block by hand, with the same weights."""
    block, x = make(), normal(2, 4)
    loop = SharedRecurrentBlock(block, 3, sharing)
    loop(x)
    block(x)
    values = block.get_weights()
    if loop.banks:
        loop.weight_sharing.assign_rows([values] * 3)
        for bank in loop.banks:
            shape = bank.kernel_shape
            kernels = [v for v in values if v.shape == shape]
            bank.templates.assign(np.stack([kernels[0], kernels[-1]]))
            picked = np.eye(2)[[0, 1][: len(kernels)] * 3]
            bank.coefficients.assign(picked)
    for copy in loop.blocks:
        copy.set_weights(values)
    close(array(loop(x)), array(block(block(block(x)))), 1e-4)


def test_copies_refuse_two_classes_of_one_name():
    other = type("Unregistered", (Unregistered,), {})
    block = keras.Sequential([Unregistered(1.0), other(2.0)])
    with pytest.raises(ValueError, match="two classes named 'Unregistered'"):
        SharedRecurrentBlock(block, 2, "none")


def test_copies_keep_untrained_weights_of_a_built_block():
    scale = layers.Normalization()
    scale.adapt(normal(64, 4) * 3 + 1)
    frozen = dense(trainable=False)
    block = model_of(scale, frozen, dense())
    loop = SharedRecurrentBlock(block, 3, "none")
    for copy in loop.blocks:
        kept = {v.name: array(v) for v in copy.layers[1].weights}
        close(kept, {v.name: array(v) for v in scale.weights})
        close(weights(copy.layers[2]), weights(frozen))
        assert not copy.layers[2].trainable


# What a given block means


@of_copies
def test_sharing_all_alone_applies_the_given_block(sharing):
    block = built(dense())
    loops = SharedRecurrentBlock(block, 3), SharedRecurrentBlock(block, 3, sharing)
    models = [model_of(loop) for loop in loops]
    before = weights(models[1])
    train(models[0])
    close(weights(models[1]), before, 0)
    assert loops[0].block is block
    assert loops[1].block is not block


@pytest.mark.parametrize("make", [dense, lambda: keras.Sequential([dense()])])
def test_model_file_keeps_a_block_of_two_loops_tied(make, tmp_path):
    block = make()
    first, second = (SharedRecurrentBlock(block, n) for n in (2, 3))
    model = model_of(first, layers.ReLU(), second)
    assert model.count_params() == 20
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = normal(3, 4)
    close(array(again(x)), array(model(x)))
    assert again.count_params() == 20
    assert again.layers[1].block is again.layers[3].block


def test_copies_refuse_a_block_without_config():
    class Plain(layers.Layer):
        def __init__(self, function):
            super().__init__()
            self.function = function

    with pytest.raises(ValueError, match=r"copy needs `get_config`.*sharing='all'"):
        SharedRecurrentBlock(Plain(ops.tanh), 2, "none")


# Sizes


@pytest.mark.once
@pytest.mark.parametrize("sharing", ["all", "none", TemplateBank(2), [0, 1] * 500_000])
def test_loop_builds_or_refuses_huge_iterations_quickly(sharing):
    start = time.perf_counter()
    with pytest.raises(ValueError, match="to 100000"):
        SharedRecurrentBlock(dense(), 10**9, sharing)
    with contextlib.suppress(ValueError):
        SharedRecurrentBlock(dense(), 10**6, sharing)
    assert time.perf_counter() - start < 10
