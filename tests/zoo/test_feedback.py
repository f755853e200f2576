"""Test what only feedback networks have."""

import numpy as np
import pytest
from compare import output
from families import inputs_for, labels_for, loop_of, small, step

from keras_recur import zoo
from keras_recur.layers import TimeSpecificBatchNormalization
from keras_recur.losses import IterationLoss


@pytest.mark.once
@pytest.mark.parametrize(("time_skip", "reached"), [(0, False), (2, True), (1, True)])
def test_feedback_gradients_pass_through_skips_in_time(time_skip, reached):
    """Cells forget, and paths from outputs are cut, so only the skip remains."""
    model = small("feedback", time_skip=time_skip).feedforward
    loop = loop_of(model)
    for weight in model.weights:
        if "_h_b_norm" in weight.path and weight.name in ("gamma", "beta"):
            weight.assign(np.zeros(weight.shape))
        if "forget_x_b_norm" in weight.path and weight.name in ("gamma", "beta"):
            weight.assign(np.full(weight.shape, -1e4 * (weight.name == "beta")))
    x = inputs_for(model, batch=8)
    changes = step(model, x, labels_for(model, x), loss=IterationLoss())

    def largest(t):
        block = loop.block_of(t)
        return max(np.abs(changes[id(w)][1]).max() for w in block.trainable_variables)

    assert largest(2) > 0
    assert (largest(0) > 0) == reached
    assert (largest(1) > 0) == (time_skip == 1)


@pytest.mark.once
def test_feedback_skips_modules_that_keep_their_shape():
    def leaves(**arguments):
        pair = zoo.build(
            "feedback", width=2, input_shape=(8, 8, 1), initializer="zeros", **arguments
        )
        return [tuple(x.shape[1:]) for x in loop_of(pair.recurrent).block.inputs]

    modules = [(1, 1), (2, 2), (2, 1)]
    seen, one, two = (8, 8, 2), (8, 8, 2), (4, 4, 4)
    plain = [seen, one, two, two, one, two, two]
    assert leaves(modules=modules) == plain
    assert leaves(modules=modules, time_skip=2) == [*plain, one, two]
    assert leaves(modules=[(1, 2)], time_skip=2) == [seen, (4, 4, 2), (4, 4, 2)]


def test_feedback_normalizes_per_iteration_or_shared():
    def rows(**arguments):
        pair = small("feedback", **arguments)
        block = loop_of(pair.recurrent).block
        return {
            tuple(w.shape) for w in block.weights if w.name == "moving_mean"
        }, pair.costs().recurrent

    every, costs = rows()
    assert every == {(3, 2)} and costs.per_iteration_parameters == 0
    shared, fewer = rows(normalization="shared")
    assert shared == {(2,)}
    assert costs.parameters == fewer.parameters
    assert costs.normalization_statistics > fewer.normalization_statistics


@pytest.mark.once
def test_feedback_residual_gates_halve_the_size():
    pair = small("feedback", stack=3, modules=[(1, 1), (2, 2)], input_shape=(7, 7, 1))
    pair.untie()
    x = inputs_for(pair.recurrent)
    found = output(pair.recurrent, x)
    np.testing.assert_allclose(output(pair.feedforward, x), found, 1e-5, 1e-5)
    assert np.ptp(found) > 1e-3
    block = loop_of(pair.recurrent).block
    assert any(isinstance(la, TimeSpecificBatchNormalization) for la in block.layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stack": 4}, "`stack`.*Received: stack=4"),
        ({"modules": []}, "pairs.*Received: modules=.*For instance"),
        ({"modules": [3]}, r"pairs.*Received: modules=\[3\]"),
        ({"modules": [(1, 0)]}, "`modules` must be.*Received: modules=0"),
        ({"time_skip": -1}, "`time_skip` must be.*at least 0.*Received: time_skip=-1"),
        ({"normalization": "group"}, "`normalization`.*Received: normalization='gro"),
    ],
)
def test_feedback_rejects_bad_options(arguments, message):
    with pytest.raises(ValueError, match=message):
        small("feedback", **arguments)
