"""Multilayer perceptron of "The Uncanny Similarity of Recurrence and Depth".

References: Schwarzschild et al. 2022 (arXiv:2102.11011). The layers follow the released
code, github.com/Arjung27/DeepThinking.
"""

import math

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family

_SVHN = {"width": 500}


@register_family(
    name="mlp",
    summary="Multilayer perceptron with one iterated hidden layer.",
    shares="one Dense layer with bias and ReLU",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults=_parts.CIFAR10 | {"width": 200, "iterations": 5},
    reported=(
        ReportedCounts({"iterations": 1}, 656_810, 656_810),
        ReportedCounts({"iterations": 2}, 656_810, 697_010),
        ReportedCounts({"iterations": 3}, 656_810, 737_210),
        ReportedCounts({"iterations": 4}, 656_810, 777_410),
        ReportedCounts({"iterations": 5}, 656_810, 817_610),
        ReportedCounts(_SVHN | {"iterations": 1}, 1_792_010, 1_792_010),
        ReportedCounts(_parts.EMNIST | _SVHN | {"iterations": 1}, 666_547, 666_547),
    ),
)
def mlp(
    initializers, input_shape, num_classes, width, iterations, sharing, readout, **loop
):
    # Layers
    def dense(name, fan_in):
        return keras.layers.Dense(width, "relu", **initializers(fan_in), name=name)

    loop = SharedRecurrentBlock(
        keras.Sequential([dense("dense", width)], name="block"),
        iterations,
        sharing,
        return_sequences=readout == "all",
        name="recurrent",
        **loop,
    )
    first = dense("first", math.prod(input_shape))
    head = keras.layers.Dense(num_classes, **initializers(width), name="head")

    # Graph
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten(name="flatten")(inputs)
    x = loop(first(x))
    outputs = Readout(head, readout, name="readout")(x)

    return keras.Model(inputs, outputs, name="mlp")
