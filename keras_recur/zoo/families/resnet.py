"""The residual networks of "The Uncanny Similarity of Recurrence and Depth".

References: Schwarzschild et al. 2022 (arXiv:2102.11011); layers as in the released
code, github.com/Arjung27/DeepThinking: post-activation basic blocks without biases.
With normalization every iteration has statistics, scale and offset of its own, in
the recurrent network too. (The released feed-forward twin defines the stem's
normalization but does not apply it; here both twins do.)
"""

from typing import Any

import keras

from keras_recur.layers import (
    Readout,
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
)
from keras_recur.zoo.family import ReportedCounts, register

_EMNIST = {"input_shape": (28, 28, 1), "num_classes": 47}
# The batch normalization of PyTorch, in Keras's terms.
_TORCH_BATCH_NORM: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-5}


@register(
    name="resnet",
    summary="Residual network without normalization: two basic blocks, iterated.",
    shares="two residual blocks of two 3x3 convolutions each, without bias",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 10,
        "width": 512,
        "iterations": 4,
    },
    reported=(
        ReportedCounts({"iterations": 1}, 11_815_434, 11_815_434),
        ReportedCounts({"iterations": 4}, 11_815_434, 40_126_986),
        ReportedCounts(_EMNIST | {"iterations": 1}, 11_825_199, 11_825_199),
    ),
)
def resnet(start, **arguments):
    return _residual_network("resnet", start, normalized=False, **arguments)


@register(
    name="resnet_bn",
    summary="Residual network with batch normalization specific to the iteration.",
    shares="the four 3x3 convolutions of two residual blocks; not their normalization",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 10,
        "width": 256,
        "iterations": 4,
    },
)
def resnet_bn(start, **arguments):
    return _residual_network("resnet_bn", start, normalized=True, **arguments)


def _residual_network(
    name,
    start,
    *,
    input_shape,
    num_classes,
    width,
    iterations,
    sharing,
    readout,
    normalized,
    **loop,
):
    # Layers
    def conv(name, channels, filters, **options):
        options = {"padding": "same", "use_bias": False, **options}
        values = start(9 * channels)["kernel_initializer"]
        return keras.layers.Conv2D(
            filters, 3, kernel_initializer=values, name=name, **options
        )

    def half(name, channels, filters):
        # Stride 2 with one pixel of padding on each side: "same" would pad one side.
        layers = [
            keras.layers.ZeroPadding2D(1, name=f"{name}_padding"),
            conv(name, channels, filters, strides=2, padding="valid"),
        ]
        if normalized:
            norm = keras.layers.BatchNormalization(
                **_TORCH_BATCH_NORM, name=f"{name}_norm"
            )
            layers.append(norm)
        return [*layers, keras.layers.ReLU(name=f"{name}_relu")]

    def norm(x, name):
        if not normalized:
            return x
        return TimeSpecificBatchNormalization(
            affine="per_iteration", **_TORCH_BATCH_NORM, name=name
        )(x)

    state = keras.Input((None, None, width))
    x = state
    for i in (1, 2):
        y = norm(conv(f"conv{i}a", width, width)(x), f"norm{i}a")
        y = keras.layers.ReLU(name=f"relu{i}a")(y)
        y = norm(conv(f"conv{i}b", width, width)(y), f"norm{i}b")
        y = keras.layers.Add(name=f"add{i}")([y, x])
        x = keras.layers.ReLU(name=f"relu{i}b")(y)
    loop = SharedRecurrentBlock(
        keras.Model(state, x, name="block"),
        iterations,
        sharing,
        return_sequences=readout == "all",
        name="recurrent",
        **loop,
    )
    stem = keras.Sequential(half("conv", input_shape[2], width), name="stem")
    head = keras.Sequential(
        [
            *half("conv", width, 512),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(num_classes, **start(512), name="classes"),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(stem(inputs))
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    return keras.Model(inputs, outputs, name=name)
