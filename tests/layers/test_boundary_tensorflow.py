"""Boundaries in what TensorFlow compiles with XLA."""

import numpy as np
import pytest
from compare import array, close
from harness import Counting, model_of, normal
from keras import tree

from keras_recur.layers import SharedRecurrentBlock
from keras_recur.layers._boundary import boundary_of
from tests.layers.test_boundary import (
    GIVEN,
    SLOPE,
    STATE,
    check_state,
    graph,
    residual,
    trained,
    without,
)

pytestmark = pytest.mark.once("tensorflow")


def compiled(function, jit=True):
    import tensorflow as tf

    return tf.function(function, jit_compile=jit)


@pytest.mark.parametrize("given", GIVEN)
def test_boundary_returns_every_value_as_it_is(given):
    check_state(compiled(lambda g, s: boundary_of(g)(s))(GIVEN[given], STATE))


@pytest.mark.parametrize("given", ["ones", "zeros", "nan"])
def test_boundary_passes_non_finite_gradients(given):
    import tensorflow as tf

    @compiled
    def gradient(given, state):
        with tf.GradientTape() as tape:
            tape.watch(state)
            loss = tf.reduce_sum(boundary_of(given)(state) * SLOPE)
        return tape.gradient(loss, state)

    found = gradient(tf.constant(GIVEN[given]), tf.constant(normal(4)))
    np.testing.assert_array_equal(found, SLOPE)


@pytest.mark.parametrize(
    "name", ["unrolled", "remat", "bank", "noise", "truncated", "masked", "graph"]
)
def test_boundaries_change_no_training(name):
    close(trained(name), without(trained, name), 1e-6)


def test_boundaries_keep_nests_with_integers():
    inputs = {"count": np.array([0, 2], "int32"), "h": normal(2, 4)}
    loop = SharedRecurrentBlock(Counting(), 4)
    loop(inputs)

    def run():
        return tree.map_structure(array, compiled(lambda x: loop(x))(inputs))

    outputs = run()
    close(outputs, without(run), 1e-6)
    np.testing.assert_array_equal(outputs["count"], [4, 6])


def conditionals(model, x, jit=True):
    """Count conditionals in the program for a model."""
    function = compiled(lambda x: model(x), jit)
    if jit:
        program = function.experimental_get_compiler_ir(x)(stage="optimized_hlo")
        return program.count(" conditional(")
    operations = function.get_concrete_function(x).graph.get_operations()
    return sum(operation.type in ("If", "StatelessIf") for operation in operations)


@pytest.mark.parametrize("iterations", [2, 5])
@pytest.mark.parametrize("unroll", [True, False])
def test_xla_keeps_a_boundary_for_every_iteration(iterations, unroll):
    model, x = model_of(residual(iterations, unroll=unroll)), normal(3, 4)
    assert conditionals(model, x) == iterations * unroll
    assert without(conditionals, model, x) == 0
    assert conditionals(model, x, jit=False) == 0


def test_state_graph_has_a_boundary_for_every_step():
    assert conditionals(graph(), normal(3, 4)) == 4


def test_boundaries_are_left_out_on_accelerators(monkeypatch):
    import tensorflow as tf

    model, x = model_of(residual()), normal(3, 4)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"])
    assert conditionals(model, x) == 0
