"""Convolutional network of "The Uncanny Similarity of Recurrence and Depth".

References: Schwarzschild et al. 2022 (arXiv:2102.11011). The layers follow the released
code, github.com/Arjung27/DeepThinking: valid convolutions with biases around a
same-size one, without normalization.
"""

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family


def _pooled_size(input_shape):
    """Return height and width after all convolutions and poolings."""
    return [((side - 4) // 3 - 2) // 3 for side in input_shape[:2]]


def _check_image_size(*, input_shape, **_):
    if min(_pooled_size(input_shape)) < 1:
        raise ValueError(
            "convnet needs images of 19x19 pixels or more. Received: "
            f"input_shape={input_shape}."
        )


@register_family(
    name="convnet",
    summary="Plain convolutional network with one iterated 3x3 convolution.",
    shares="one 3x3 convolution with bias and ReLU",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults=_parts.CIFAR10 | {"width": 64, "iterations": 5},
    check=_check_image_size,
    width_multiple=2,
    reported=(
        ReportedCounts({"iterations": 1}, 135_306, 135_306),
        ReportedCounts({"iterations": 2}, 135_306, 172_234),
        ReportedCounts({"iterations": 3}, 135_306, 209_162),
        ReportedCounts({"iterations": 4}, 135_306, 246_090),
        ReportedCounts({"iterations": 5}, 135_306, 283_018),
        ReportedCounts(
            _parts.EMNIST | {"width": 128, "iterations": 1}, 565_423, 565_423
        ),
    ),
)
def convnet(
    initializers, input_shape, num_classes, width, iterations, sharing, readout, **loop
):
    # Layers
    def conv(name, channels, filters, padding="valid"):
        return keras.layers.Conv2D(
            filters,
            3,
            padding=padding,
            activation="relu",
            name=name,
            **initializers(9 * channels),
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
    rows, columns = _pooled_size(input_shape)
    head = keras.Sequential(
        [
            keras.layers.MaxPooling2D(3, name="pool"),
            conv("last", width, 2 * width),
            keras.layers.MaxPooling2D(3, name="last_pool"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(
                num_classes, **initializers(2 * width * rows * columns), name="classes"
            ),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(second(first(inputs)))
    outputs = Readout(head, readout, name="readout")(x)

    return keras.Model(inputs, outputs, name="convnet")
