"""Test the options of the deep-thinking families."""

import keras
import numpy as np
import pytest
from compare import array, close, output

from keras_recur import zoo

LEAKY = {"update": "leaky", "injection": "concat", "num_classes": 3, "seed": 0}


def built(name="deep_thinking_1d", **arguments):
    arguments = {"width": 4, "iterations": 3, **LEAKY, **arguments}
    return zoo.build(name, **arguments).recurrent


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_leaky_network_equals_its_formula():
    model = built(kernel_sizes=(3, 1), readout="all")
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    values = {w.path: array(w) for w in model.weights}

    def value(*parts):
        (found,) = (v for path, v in values.items() if path.endswith("/".join(parts)))
        return found

    def convolution(x, name):
        x = np.pad(x, ((0, 0), (1, 1), (0, 0)))
        kernel = value(name, "kernel")
        shown = [x[:, i : x.shape[1] - 2 + i] @ kernel[i] for i in range(3)]
        return sum(shown) + value(name, "bias")

    def dense(x, name):
        return x @ value(name, "kernel") + value(name, "bias")

    x = normal(2, 7, 1)
    state = np.tanh(convolution(x, "projection"))
    for found in np.moveaxis(output(model, x), 1, 0):
        shown = np.concatenate([state, x], -1)
        update = np.tanh(dense(np.maximum(convolution(shown, "conv1"), 0), "conv2"))
        state = state + sigmoid(value("update", "leak")) * (update - state)
        logits = dense(np.maximum(dense(state, "head1"), 0), "head2")
        close(found, logits, 1e-4)


@pytest.mark.parametrize(
    ("sizes", "reach"), [((3, 3), 2), ((3, 1), 1), ((5,), 2), ((1, 1), 0)], ids=str
)
def test_kernel_sizes_set_the_reach_of_an_iteration(sizes, reach):
    """A changed bit changes the logits of the positions within reach only."""
    model = built(kernel_sizes=sizes)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(np.full(weight.shape, 0.5))
    x = normal(1, 31, 1)
    other = x.copy()
    other[0, 15] += 1
    change = np.abs(output(model, other) - output(model, x)).max((0, 2))
    first = 15 - 1 - 3 * reach  # The projection and three iterations.
    assert change[:first].max() == 0 and change[first] > 0
    assert change[31 - first :].max() == 0 and change[30 - first] > 0


@pytest.mark.parametrize("update", ["residual", "leaky"])
@pytest.mark.parametrize("patch", [2, 3])
def test_patches_keep_places_and_detail(patch, update):
    """The state has a fraction of the pixels, the logits have all of them."""
    model = built("deep_thinking_2d", patch=patch, update=update, iterations=2)
    x = normal(1, 8 * patch, 8 * patch, 3)
    assert model.input_shape == (None, None, None, 3)
    logits = output(model, x)
    assert logits.shape == (1, 8 * patch, 8 * patch, 3)
    state = keras.Model(model.input, model.get_layer("recurrent").output)
    assert output(state, x).shape == (1, 8, 8, 4)
    # A network that sees patches as pixels computes the same.
    pixels = built(
        "deep_thinking_2d",
        input_shape=(8, 8, 3 * patch**2),
        num_classes=3 * patch**2,
        update=update,
        iterations=2,
    )
    pixels.set_weights(model.get_weights())

    def patches(x):
        x = x.reshape(1, 8, patch, 8, patch, 3)
        return np.moveaxis(x, 2, 3).reshape(1, 8, 8, -1)

    close(patches(logits), output(pixels, patches(x)), 1e-4)


def test_patches_cost_a_fraction():
    def macs(patch):
        pair = zoo.build("deep_thinking_2d", width=32, patch=patch, **LEAKY)
        return pair.costs((24, 24, 3)).recurrent.macs

    assert 3.4 < macs(1) / macs(2) < 4


def test_leaky_network_on_patches_learns():
    model = built("deep_thinking_2d", patch=2, width=8, num_classes=2)
    x = normal(16, 8, 8, 3)
    y = (x[..., 0] > 0).astype("int32")
    jit = keras.backend.backend() != "torch"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=jit)
    history = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
