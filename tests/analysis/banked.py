"""Small models with template banks, and helpers to fill and evaluate them."""

import keras
import numpy as np
from compare import array
from keras import layers

from keras_recur import zoo
from keras_recur.analysis._banks import banks_of
from keras_recur.layers import (
    SharedRecurrentBlock,
    TemplateBank,
    TemplateConv1D,
    TemplateConv2D,
    TemplateDense,
)

# The smallest network of each kind: dense, residual, 1D with recall, one convolution
# per iteration, several loops.
FAMILIES = {
    "mlp": {"input_shape": (3, 3, 1), "width": 4, "iterations": 3, "num_classes": 3},
    "resnet_bn": {
        "input_shape": (8, 8, 1),
        "width": 2,
        "iterations": 3,
        "num_classes": 3,
    },
    "deep_thinking_1d": {"input_shape": (None, 1), "width": 4, "iterations": 3},
    "scnn": {"width": 4, "iterations": 4},
    "swrn": {"input_shape": (8, 8, 3), "width": 1, "depth": 16, "num_classes": 3},
}


def pair(name="scnn", **arguments):
    # Zeros are fast to create; `fill` draws the values.
    usual = {"templates": 2, "seed": 1, "initializer": "zeros", **FAMILIES[name]}
    built = zoo.build(name, **usual | arguments)
    fill(built.recurrent), fill(built.feedforward)
    return built


def model_of(*parts, shape=(4,)):
    start = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(start, x)


def dense(num_layers=4, templates=2, **options):
    """Return a filled graph of dense layers on one bank."""

    def stack(x):
        bank = TemplateBank(templates, (4, 4), num_layers, **options)
        for kernel in bank(x):
            x = TemplateDense(4, activation="tanh")(x, kernel)
        return x

    return filled(model_of(stack))


def graph_1d(x):
    bank = TemplateBank(2, (3, 4, 4), 4, name="bank")
    first, second, third, fourth = bank(x)
    x = TemplateConv1D(4, 3, padding="causal", dilation_rate=2)(x, first)
    x = TemplateConv1D(4, 3, 2, padding="same", activation="tanh")(x, kernel=second)
    slim = TemplateBank(2, (3, 4, 1), 2, name="slim")
    for kernel, stride in zip(slim(x), (1, 2), strict=True):
        x = TemplateConv1D(4, 3, stride, depthwise=True, use_bias=False)(x, kernel)
    # A layer called twice, whose second name is already taken.
    twice = TemplateConv1D(4, 3, padding="same", name="twice")
    x = TemplateConv1D(4, 3, padding="same", name="twice_1")(x, fourth)
    return twice(twice(x, third), fourth)


def graph_2d(x):
    bank = TemplateBank(3, (3, 3, 2, 4), 3, name="bank")
    wide = TemplateBank(1, (3, 3, 4, 2), 2, name="wide")
    kernels = bank(x)
    for t, back in enumerate(wide(x)):
        x = TemplateConv2D(4, 3, padding="same", groups=2)(x, kernels[t])
        x = TemplateConv2D(8, 3, depthwise=True, dilation_rate=2)(x, back)
        x = layers.MaxPooling2D(1)(x)
        x = layers.Conv2D(4, 1)(x)
    x = TemplateConv2D(4, 3, (2, 1), groups=2, activation="tanh")(x, kernels[2])
    x = layers.BatchNormalization()(layers.Flatten()(x))
    square = TemplateBank(2, (x.shape[-1], 3), 2, name="square")
    a, b = square(x)
    return TemplateDense(3)(x, a) + TemplateDense(3, use_bias=False)(x, kernel=b)


def tanh(units=4):
    return layers.Dense(units, activation="tanh")


def nested():
    """Return loops in nested models, two of them with the same name."""

    def loop():
        block = keras.Sequential([tanh(), layers.BatchNormalization()])
        bank = TemplateBank(2)
        return SharedRecurrentBlock(block, 4, bank, injection="add", name="loop")

    inner = keras.Sequential([keras.Input((4,)), tanh(), loop()], name="inner")
    return keras.Sequential([keras.Input((4,)), loop(), inner, layers.Dense(2)])


# Models with banks in graphs, loops and nested models.
MODELS = {
    "1D": lambda: filled(model_of(graph_1d, shape=(30, 4))),
    "2D": lambda: filled(model_of(graph_2d, shape=(16, 15, 4))),
    "nested": lambda: filled(nested()),
    "scnn": lambda: pair("scnn").recurrent,
}


def fill(model, seed=0):
    """Give each weight a different value, also if all start at 0 or 1."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if any(name in weight.name for name in ("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        else:
            summed = weight.shape[weight.name == "templates" : -1] or (4,)
            if weight.name == "coefficients":
                summed = weight.shape[1:]
            weight.assign(rng.normal(size=weight.shape) / np.prod(summed) ** 0.5)


def filled(model):
    fill(model)
    return model


def banks(model):
    return dict(banks_of(model))


def inputs_for(model, batch=3, seed=0):
    shape = (batch, *(size or 7 for size in model.input_shape[1:]))
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def kernels(bank):
    """Return the flat kernels of a bank by definition, in float64."""
    rows = array(bank.coefficient_matrix()).astype("float64")
    templates = array(bank.templates).astype("float64")
    return rows @ templates.reshape(len(templates), -1)


def is_png(path):
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return [int.from_bytes(data[i : i + 4], "big") for i in (16, 20)]


def tie(bank, pattern, scales):
    """Make layers with the same letter equal up to scale, and return their labels."""
    letters = (pattern * bank.num_layers)[: bank.num_layers]
    if bank.num_layers == 2:
        letters = "AA"
    labels = [sorted(set(letters)).index(letter) for letter in letters]
    directions = np.random.default_rng(3).normal(size=(3, bank.num_templates))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    scales = np.resize(scales, bank.num_layers)[:, None]
    bank.coefficients.assign(directions[labels] * scales)
    return labels
