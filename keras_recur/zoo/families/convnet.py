"""The convolutional network of "The Uncanny Similarity of Recurrence and Depth".

References: Schwarzschild et al. 2022 (arXiv:2102.11011); layers as in the released
code, github.com/Arjung27/DeepThinking: valid convolutions with biases around a
same-size one, no normalization.
"""

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.family import ReportedCounts, register

_EMNIST = {"width": 128, "input_shape": (28, 28, 1), "num_classes": 47}


@register(
    name="convnet",
    summary="Plain convolutional network: one 3x3 convolution, iterated.",
    shares="one 3x3 convolution with bias and ReLU",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 10,
        "width": 64,
        "iterations": 5,
    },
    width_multiple=2,
    reported=(
        ReportedCounts({"iterations": 1}, 135_306, 135_306),
        ReportedCounts({"iterations": 2}, 135_306, 172_234),
        ReportedCounts({"iterations": 3}, 135_306, 209_162),
        ReportedCounts({"iterations": 4}, 135_306, 246_090),
        ReportedCounts({"iterations": 5}, 135_306, 283_018),
        ReportedCounts(_EMNIST | {"iterations": 1}, 565_423, 565_423),
    ),
)
def convnet(
    start, *, input_shape, num_classes, width, iterations, sharing, readout, **loop
):
    pooled = [((side - 4) // 3 - 2) // 3 for side in input_shape[:2]]
    if min(pooled) < 1:
        raise ValueError(
            "convnet needs images of 19x19 pixels or more. Received: "
            f"input_shape={input_shape}."
        )

    # Layers
    def conv(name, channels, filters, padding="valid"):
        return keras.layers.Conv2D(
            filters,
            3,
            padding=padding,
            activation="relu",
            name=name,
            **start(9 * channels),
        )

    first = conv("first", input_shape[2], width // 2)
    second = conv("second", width // 2, width)
    block = keras.Sequential([conv("conv", width, width, "same")], name="block")
    loop = SharedRecurrentBlock(
        block,
        iterations,
        sharing,
        return_sequences=readout == "all",
        name="recurrent",
        **loop,
    )
    head = keras.Sequential(
        [
            keras.layers.MaxPooling2D(3, name="pool"),
            conv("last", width, 2 * width),
            keras.layers.MaxPooling2D(3, name="last_pool"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(
                num_classes, **start(2 * width * pooled[0] * pooled[1]), name="classes"
            ),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(second(first(inputs)))
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    return keras.Model(inputs, outputs, name="convnet")
