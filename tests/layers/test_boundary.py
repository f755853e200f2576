"""Boundaries between the iterations of a compiled loop on a CPU."""

import keras
import numpy as np
import pytest
from compare import array, close
from harness import LOOPS, AddMean, Counting, GatedCell, dense, model_of, normal, train
from keras import layers, tree

from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock, TemplateBank
from keras_recur.layers._boundary import boundary_of, no_boundaries

pytestmark = pytest.mark.once("jax")
EXTREMES = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 3e38, -3e38, 1e-45], "float32")
STATE = {
    "floats": (EXTREMES, np.array([np.nan, np.inf, -0.0], "float16")),
    "integers": [np.array([[-(2**31), 2**31 - 1]], "int32"), np.uint8([0, 255])],
    "booleans": np.array([True, False]),
    "scalar": np.float32(np.nan),
    "empty": np.zeros((0, 4), "float32"),
}
SLOPE = np.array([np.nan, np.inf, -np.inf, 1e38], "float32")
# Each makes the condition true or false, or has no first value to look at.
GIVEN = {
    "ones": np.ones((2, 3), "float32"),
    "zeros": np.zeros((2, 3), "float32"),
    "nan": np.full((2, 3), np.nan, "float32"),
    "integers": np.arange(3),
    "booleans": np.array([False, True]),
    "empty": np.zeros((0, 3), "float32"),
    "scalar": np.float32(0),
}


def compiled(given, state):
    import jax

    return jax.jit(lambda given, state: boundary_of(given)(state))(given, state)


def check_state(outputs):
    """Compare what went through a boundary with `STATE`, to the last bit."""
    tree.assert_same_structure(outputs, STATE)
    for actual, expected in zip(*map(tree.flatten, (outputs, STATE)), strict=True):
        actual = np.asarray(actual)
        assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
        assert actual.tobytes() == expected.tobytes()


@pytest.mark.parametrize("given", GIVEN)
def test_boundary_returns_every_value_as_it_is(given):
    check_state(compiled(GIVEN[given], STATE))


@pytest.mark.parametrize("given", ["ones", "zeros", "nan"])
def test_boundary_passes_non_finite_gradients(given):
    import jax

    def loss(given, state):
        return (boundary_of(given)(state) * SLOPE).sum()

    gradient = jax.jit(jax.grad(loss, argnums=1))(GIVEN[given], normal(4))
    np.testing.assert_array_equal(gradient, SLOPE)


def without(function, *arguments):
    with no_boundaries():
        return function(*arguments)


def stateless(model):
    """Return a function of the weights and the input, and the weights."""
    others = [v.value for v in model.non_trainable_variables]

    def call(weights, x, training=False):
        return model.stateless_call(weights, others, x, training=training)[0]

    return call, [v.value for v in model.trainable_variables]


def residual(iterations=4, **arguments):
    inputs = keras.Input((4,))
    outputs = layers.Add()([inputs, dense()(inputs)])
    return SharedRecurrentBlock(
        keras.Model(inputs, outputs), iterations, injection="add", **arguments
    )


def transformed(name, call, weights, x):
    """Compute derivatives of a model by one of JAX's transformations."""
    import jax

    def loss(weights, x):
        return (call(weights, x) ** 2).mean()

    tangents = [w + 0.1 for w in weights]
    if name == "gradient":
        return jax.jit(jax.grad(loss))(weights, x)
    if name == "eager gradient":
        return jax.grad(loss)(weights, x)
    if name == "second order":
        inner = jax.grad(loss, argnums=1)
        return jax.jit(jax.grad(lambda w, x: (inner(w, x) ** 2).sum()))(weights, x)
    if name == "forward":
        return jax.jit(lambda w, t: jax.jvp(lambda w: loss(w, x), (w,), (t,)))(
            weights, tangents
        )
    if name == "forward over reverse":
        gradient = jax.grad(loss)
        return jax.jit(lambda w, t: jax.jvp(lambda w: gradient(w, x), (w,), (t,)))(
            weights, tangents
        )
    if name == "vmap":
        rows = jax.vmap(jax.grad(loss), in_axes=(None, 0))
        return jax.jit(rows)(weights, x[:, None])
    if name == "checkpoint":
        return jax.jit(jax.grad(jax.checkpoint(loss)))(weights, x)

    def body(x, _):
        return call(weights, x), x.sum()

    def scanned(x):
        return jax.lax.scan(body, x, None, 3)[0].sum()

    return jax.jit(jax.value_and_grad(scanned))(x)


@pytest.mark.parametrize(
    "name",
    [
        "gradient",
        "eager gradient",
        "second order",
        "forward",
        "forward over reverse",
        "vmap",
        "checkpoint",
        "scan",
    ],
)
def test_boundaries_change_no_derivative(name):
    call, weights = stateless(model_of(residual()))
    arguments = name, call, weights, normal(3, 4)
    close(transformed(*arguments), without(transformed, *arguments), 1e-6)


def masked(**arguments):
    loop = SharedRecurrentBlock(AddMean(), 4, injection="add", **arguments)
    return model_of(layers.Masking(), loop, dense(1), shape=(5, 4))


def graph(**arguments):
    states = {"a": (4,), "b": (4,)}
    return model_of(RecurrentGraph(states, steps=4, seed=0, **arguments))


MODELS = {
    "unrolled": lambda: model_of(residual()),
    "remat": lambda: model_of(residual(remat=True)),
    "rolled": lambda: model_of(residual(unroll=False)),
    "untied": lambda: model_of(residual(sharing="none")),
    "bank": lambda: model_of(residual(sharing=TemplateBank(2))),
    "sequence": lambda: model_of(residual(return_sequences=True)),
    "noise": lambda: model_of(residual(damping=0.5, state_noise=0.1, seed=0)),
    "zeros": lambda: model_of(residual(initial_state="zeros")),
    "truncated": lambda: model_of(residual(detach_every=2, gradient_iterations=1)),
    "masked": masked,
    "graph": graph,
    "graph, remat": lambda: graph(remat=True, return_sequences=True),
}


def trained(name):
    keras.utils.set_random_seed(1)
    return train(MODELS[name](), jit=True, epochs=3)


@pytest.mark.parametrize("name", MODELS)
def test_boundaries_change_no_training(name):
    close(trained(name), without(trained, name), 1e-6)


@pytest.mark.parametrize("remat", [False, True])
def test_boundaries_keep_nests_with_integers(remat):
    inputs = {"count": np.array([0, 2], "int32"), "h": normal(2, 4)}
    loop = SharedRecurrentBlock(Counting(), 4, remat=remat)
    loop(inputs)
    outputs = run_compiled(loop, inputs)
    close(outputs, without(run_compiled, loop, inputs), 1e-6)
    np.testing.assert_array_equal(outputs["count"], [4, 6])


def run_compiled(loop, inputs):
    import jax

    outputs = jax.jit(lambda x: loop(x))(inputs)
    return tree.map_structure(array, outputs)


@pytest.mark.parametrize("kind", [tuple, list])
def test_boundaries_keep_the_structure_of_nests(kind):
    inputs = kind([normal(2, 4), normal(2, 4, seed=1)])
    loop = SharedRecurrentBlock(GatedCell(), 3)
    loop(inputs)
    assert isinstance(run_compiled(loop, inputs), kind)
    close(run_compiled(loop, inputs), without(run_compiled, loop, inputs), 1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_boundaries_keep_non_finite_states_in_their_rows(value):
    x = normal(3, 4)
    x[0] = value
    loop = residual()
    loop(x)
    outputs = run_compiled(loop, x)
    assert not np.isfinite(outputs[0]).all()
    assert np.isfinite(outputs[1:]).all()
    close(outputs, without(run_compiled, loop, x), 1e-6)


def conditionals(model, gradient, x):
    """Count conditionals in XLA's program for a model or its gradient."""
    import jax

    call, weights = stateless(model)

    def loss(weights, x):
        return (call(weights, x) ** 2).sum()

    function = jax.grad(loss) if gradient else call
    program = jax.jit(function).lower(weights, x).compile().as_text()
    return program.count(" conditional(")


@pytest.mark.parametrize("way", LOOPS)
@pytest.mark.parametrize("iterations", [2, 5])
def test_xla_keeps_a_boundary_for_every_iteration(way, iterations):
    unrolled = "rolled" not in way.split("+")
    model, x = model_of(residual(iterations, **LOOPS[way])), normal(3, 4)
    assert conditionals(model, False, x) == iterations * unrolled
    # The first state needs no gradient.
    assert conditionals(model, True, x) == (2 * iterations - 1) * unrolled
    assert without(conditionals, model, True, x) == 0


def test_state_graph_has_a_boundary_for_every_step():
    x = normal(3, 4)
    assert conditionals(graph(), False, x) == 4
    assert without(conditionals, graph(), False, x) == 0


def test_boundaries_are_left_out_on_accelerators(monkeypatch):
    import jax

    model, x = model_of(residual()), normal(3, 4)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert conditionals(model, False, x) == 0


def test_eager_calls_have_no_boundary(monkeypatch):
    import jax

    loop, x = residual(), normal(3, 4)
    loop(x)
    monkeypatch.delattr(jax.lax, "cond")
    loop(x)
    with pytest.raises(AttributeError):
        run_compiled(loop, x)


def test_exported_program_with_open_sizes_has_boundaries():
    import jax

    call, weights = stateless(model_of(residual()))
    shape = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, 4"), "float32")
    exported = jax.export.export(jax.jit(lambda x: call(weights, x)))(shape)
    x = normal(3, 4)
    loaded = jax.export.deserialize(exported.serialize())
    close(array(loaded.call(x)), array(call(weights, x)), 1e-6)
