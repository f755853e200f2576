"""The multilayer perceptron of "The Uncanny Similarity of Recurrence and Depth".

References: Schwarzschild et al. 2022 (arXiv:2102.11011); layers as in the released
code, github.com/Arjung27/DeepThinking.
"""

import math

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.family import ReportedCounts, register

_SVHN = {"width": 500}
_EMNIST = {"width": 500, "input_shape": (28, 28, 1), "num_classes": 47}


@register(
    name="mlp",
    summary="Multilayer perceptron: one hidden layer, iterated.",
    shares="one Dense layer with bias and ReLU",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 10,
        "width": 200,
        "iterations": 5,
    },
    reported=(
        ReportedCounts({"iterations": 1}, 656_810, 656_810),
        ReportedCounts({"iterations": 2}, 656_810, 697_010),
        ReportedCounts({"iterations": 3}, 656_810, 737_210),
        ReportedCounts({"iterations": 4}, 656_810, 777_410),
        ReportedCounts({"iterations": 5}, 656_810, 817_610),
        ReportedCounts(_SVHN | {"iterations": 1}, 1_792_010, 1_792_010),
        ReportedCounts(_EMNIST | {"iterations": 1}, 666_547, 666_547),
    ),
)
def mlp(
    start, *, input_shape, num_classes, width, iterations, sharing, readout, **loop
):
    # Layers
    inputs_count = math.prod(input_shape)
    block = keras.Sequential(
        [keras.layers.Dense(width, activation="relu", **start(width), name="dense")],
        name="block",
    )
    loop = SharedRecurrentBlock(
        block,
        iterations,
        sharing,
        return_sequences=readout == "all",
        name="recurrent",
        **loop,
    )
    first = keras.layers.Dense(
        width, activation="relu", **start(inputs_count), name="first"
    )
    head = keras.layers.Dense(num_classes, **start(width), name="head")

    # Graph
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten(name="flatten")(inputs)
    x = loop(first(x))
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    return keras.Model(inputs, outputs, name="mlp")
