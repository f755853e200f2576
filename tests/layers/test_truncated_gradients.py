"""Truncated gradients inside a loop: `detach_every` and `gradient_iterations`."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import (
    LOOPS,
    GatedCell,
    Increment,
    Penalty,
    dense,
    model_of,
    normal,
    train,
)
from keras import layers, ops, tree

from keras_recur._keras import get_keras_mask
from keras_recur.layers import (
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
)
from keras_recur.layers._truncation import _spans

ITERATIONS = 6
loops = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
truncations = pytest.mark.parametrize(
    ("every", "kept"), [(2, None), (3, 1), (None, 2), (4, 2)]
)


def stopped(nest):
    return tree.map_structure(ops.stop_gradient, nest)


class ByHand(layers.Layer):
    """A loop without truncation, whose gradient is stopped by hand."""

    def __init__(self, loop, every, kept):
        super().__init__()
        self.loop = loop
        self.every = every or ITERATIONS
        self.kept = kept or self.every

    def build(self, shape):
        self.loop.build(shape)

    def call(self, x, training=None):
        state, states = x, []
        for t in range(ITERATIONS):
            left = (ITERATIONS - 1 - t) % self.every
            shown = x if left < self.kept else ops.stop_gradient(x)
            inputs = state
            if self.loop.injection == "concat":
                inputs = ops.concatenate([state, shown], axis=-1)
            block = self.loop.blocks[self.loop.groups[t]]
            state = block(inputs, training=training)
            if left >= self.kept:
                state = stopped(state)
            states.append(state)
            if left == 0:
                state = stopped(state)
        return ops.stack(states, 1) if self.loop.return_sequences else states[-1]


def block(**arguments):
    return keras.Sequential([dense(**arguments), layers.BatchNormalization()])


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # torch
@pytest.mark.parametrize(
    ("collect", "every", "kept"),
    [(False, 2, None), (True, 2, None), (True, 3, 1), (False, None, 2), (True, 4, 2)],
)
def test_truncated_gradients_equal_those_by_hand(collect, every, kept):
    def trained(by_hand=False, **truncation):
        keras.utils.set_random_seed(1)
        loop = SharedRecurrentBlock(
            block(),
            ITERATIONS,
            injection="concat",
            return_sequences=collect,
            seed=1,
            **truncation,
        )
        part = ByHand(loop, every, kept) if by_hand else loop
        return train(model_of(layers.Dense(4), part), epochs=2)

    expected = trained(by_hand=True)
    for loop in LOOPS.values():
        found = trained(detach_every=every, gradient_iterations=kept, **loop)
        close(found, expected)


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # torch
@pytest.mark.parametrize("loop", [{}, {"unroll": False}], ids=["unrolled", "rolled"])
def test_truncated_gradients_equal_those_by_hand_with_jit(loop, jit):
    def trained(part):
        return train(model_of(layers.Dense(4), part), jit=jit, epochs=2)

    keras.utils.set_random_seed(1)
    truncated = trained(
        SharedRecurrentBlock(
            block(), 6, seed=1, detach_every=3, gradient_iterations=1, **loop
        )
    )
    keras.utils.set_random_seed(1)
    plain = SharedRecurrentBlock(block(), 6, seed=1)
    close(truncated, trained(ByHand(plain, 3, 1)))


GROUPS = {
    "groups": ([0, 0, 0, 1, 1, 1], 3, 1),
    "interleaved": ([0, 1, 0, 1, 0, 1], None, 3),
    "none": ("none", 2, None),
}


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # torch
@pytest.mark.parametrize("loop", [{}, {"unroll": False}], ids=["unrolled", "rolled"])
@pytest.mark.parametrize("kind", GROUPS)
def test_truncated_gradients_of_groups_equal_those_by_hand(kind, loop):
    sharing, every, kept = GROUPS[kind]

    def trained(by_hand):
        keras.utils.set_random_seed(1)
        arguments = {"sharing": sharing, "return_sequences": True, "seed": 1}
        if by_hand:
            inner = SharedRecurrentBlock(dense(), ITERATIONS, **arguments)
            return train(model_of(ByHand(inner, every, kept)))
        truncation = {"detach_every": every, "gradient_iterations": kept}
        inner = SharedRecurrentBlock(
            dense(), ITERATIONS, **arguments, **truncation, **loop
        )
        return train(model_of(inner))

    close(trained(False), trained(True))


@loops
def test_detached_template_banks_train_only_the_last_segment(loop):
    layer = SharedRecurrentBlock(
        keras.Sequential([dense()]), 4, TemplateBank(2), detach_every=2, **loop
    )
    layer.build((8, 4))
    before = array(layer.banks[0].coefficients)
    train(model_of(layer))
    moved = np.abs(array(layer.banks[0].coefficients) - before).max(axis=1) > 1e-6
    assert moved.tolist() == [False, False, True, True]


@pytest.mark.parametrize("loop", [{}, {"unroll": False}], ids=["unrolled", "rolled"])
@truncations
def test_truncation_changes_no_value(every, kept, loop):
    keras.utils.set_random_seed(1)
    inner = dense()
    plain = SharedRecurrentBlock(inner, ITERATIONS)
    truncated = SharedRecurrentBlock(
        inner, ITERATIONS, detach_every=every, gradient_iterations=kept, **loop
    )
    x = normal(2, 4)
    for training in (True, False):
        for collect in (True, False):
            call = {"training": training, "return_sequences": collect}
            close(array(truncated(x, **call)), array(plain(x, **call)))


@loops
def test_truncated_loops_run_nests_of_states_and_masks(loop):
    truncation = {"detach_every": 3, "gradient_iterations": 1}
    cell = GatedCell()
    x = {"h": normal(2, 4), "m": normal(2, 4, seed=1)}
    found = SharedRecurrentBlock(cell, 6, **truncation, **loop)(x, training=True)
    expected = SharedRecurrentBlock(cell, 6)(x)
    close(tree.map_structure(array, found), tree.map_structure(array, expected))
    loop = SharedRecurrentBlock(dense(), 6, **truncation, **loop)
    mask = np.array([[True, False, True]] * 2)
    out = loop(normal(2, 3, 4), mask=mask, training=True)
    assert np.array_equal(array(get_keras_mask(out)), mask)


@loops
def test_frozen_iterations_update_statistics(loop):
    def statistics(**truncation):
        norm = TimeSpecificBatchNormalization(affine="shared")
        inner = keras.Sequential([norm])
        layer = SharedRecurrentBlock(inner, ITERATIONS, **truncation, **loop)
        layer(normal(8, 4), training=True)
        return array(norm.moving_variance)

    close(statistics(gradient_iterations=1), statistics())


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # torch
@pytest.mark.parametrize("name", ["unrolled", "rolled", "remat"])
def test_losses_of_the_block_have_the_gradient_of_their_iteration(name):
    """With both, XLA crashes on a CPU on the plain loop too."""
    loop = LOOPS[name]

    def step_after(**truncation):
        step = Increment()
        inner = keras.Sequential([step, Penalty()])
        layer = SharedRecurrentBlock(inner, 4, **truncation, **loop)
        model = model_of(layer, shape=(1,))
        model.compile(
            keras.optimizers.SGD(1.0),
            loss=lambda y, p: 0.0 * ops.mean(p),
            run_eagerly=keras.backend.backend() == "tensorflow",
        )
        loss = float(model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1))))
        return loss, 1 - float(array(step.step))

    # Iteration t has the state s = t * step, and its loss is 0.1 * s ** 2. Its gradient
    # is 0.2 * s times the number of iterations since the gradient was stopped.
    total = 0.1 * (1 + 4 + 9 + 16)
    close(step_after(), (total, 0.2 * (1 + 4 + 9 + 16)))
    close(step_after(detach_every=2), (total, 0.2 * (1 + 2 * 2 + 3 + 2 * 4)))
    close(step_after(detach_every=2, gradient_iterations=1), (total, 0.2 * (2 + 4)))
    close(step_after(gradient_iterations=2), (total, 0.2 * (3 + 2 * 4)))


@loops
def test_block_forgets_losses_that_the_loop_has_added(loop):
    """Keras would count a later loss with the same id twice."""
    penalty = Penalty()
    layer = SharedRecurrentBlock(
        keras.Sequential([dense(), penalty]), 4, gradient_iterations=2, **loop
    )
    layer(normal(2, 4), training=True)
    assert not penalty._loss_ids
    assert len(layer.losses) == 1


def test_spans_are_counted_from_the_last_iteration():
    assert _spans(5, 2, None) == [(2, False), *[(1, False)] * 2, *[(0, False)] * 2]
    frozen = [frozen for _, frozen in _spans(7, 3, 1)]
    assert frozen == [False, True, True, False, True, True, False]
    assert [frozen for _, frozen in _spans(4, None, 3)] == [True, False, False, False]
    # A call of fewer iterations trains its last ones too.
    assert [frozen for _, frozen in _spans(1, 4, 2)] == [False]


def test_truncation_is_part_of_the_config(tmp_path):
    layer = SharedRecurrentBlock(dense(), 6, detach_every=3, gradient_iterations=2)
    model = model_of(layer)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").layers[-1]
    assert (loaded.detach_every, loaded.gradient_iterations) == (3, 2)
    old = {k: v for k, v in layer.get_config().items() if "gradient" not in k}
    assert SharedRecurrentBlock.from_config(old).gradient_iterations is None


BAD = [
    ({"detach_every": 0}, "`detach_every` must be an integer from 1 to 4"),
    ({"detach_every": 5}, "from 1 to 4. Received: detach_every=5"),
    ({"detach_every": 2.0}, "Did you mean `detach_every=2`"),
    (
        {"gradient_iterations": 5},
        "`gradient_iterations` must be an integer from 1 to 4",
    ),
    ({"detach_every": 2, "gradient_iterations": 3}, "from 1 to 2"),
    ({"gradient_iterations": 1, "sharing": "none"}, "leave all weights.*'none'"),
    ({"gradient_iterations": 2, "sharing": [0, 0, 1, 1]}, "leave all weights"),
    ({"gradient_iterations": 1, "sharing": TemplateBank(2)}, "leave all weights"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_loop_refuses_invalid_truncation(arguments, message):
    with pytest.raises(ValueError, match=message):
        SharedRecurrentBlock(dense(), 4, **arguments)


@pytest.mark.parametrize("x", [normal(2, 4), keras.KerasTensor((2, 4))])
def test_truncated_loop_refuses_progressive_calls(x):
    layer = SharedRecurrentBlock(dense(), 4, detach_every=2)
    with pytest.raises(ValueError, match="progressive=True, detach_every=2"):
        layer(x, progressive=True)
