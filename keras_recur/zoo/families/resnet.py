"""Residual networks of "The Uncanny Similarity of Recurrence and Depth".

References: Schwarzschild et al. 2022 (arXiv:2102.11011). The layers follow the released
code, github.com/Arjung27/DeepThinking: post-activation basic blocks without biases.
With normalization, every iteration has its own statistics, scale and offset in both
twins. The released feed-forward network defines a normalization of the stem but does
not apply it; both twins here apply it.
"""

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family


@register_family(
    name="resnet",
    summary="Residual network of two iterated basic blocks, without normalization.",
    shares="two residual blocks of two 3x3 convolutions each, without bias",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults=_parts.CIFAR10 | {"width": 512, "iterations": 4},
    reported=(
        ReportedCounts({"iterations": 1}, 11_815_434, 11_815_434),
        ReportedCounts({"iterations": 4}, 11_815_434, 40_126_986),
        ReportedCounts(_parts.EMNIST | {"iterations": 1}, 11_825_199, 11_825_199),
    ),
)
def resnet(initializers, **arguments):
    return _residual_network("resnet", initializers, normalized=False, **arguments)


@register_family(
    name="resnet_bn",
    summary="Residual network with separate batch normalization for every iteration.",
    shares="four 3x3 convolutions of two residual blocks, but not their normalization",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults=_parts.CIFAR10 | {"width": 256, "iterations": 4},
)
def resnet_bn(initializers, **arguments):
    return _residual_network("resnet_bn", initializers, normalized=True, **arguments)


def _residual_network(
    name,
    initializers,
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
    def half(channels, filters):
        """Halve height and width."""
        layers = [
            keras.layers.ZeroPadding2D(1, name="conv_padding"),
            _parts.conv(initializers, "conv", channels, filters, strides=2),
        ]
        if normalized:
            layers.append(_parts.batch_norm("conv_norm"))
        return [*layers, keras.layers.ReLU(name="conv_relu")]

    def conv(name):
        return _parts.conv(initializers, name, width, width)

    def norm(x, name):
        return _parts.time_batch_norm(name)(x) if normalized else x

    state = keras.Input((None, None, width))
    block = keras.Model(state, _parts.residual_blocks(state, conv, norm), name="block")
    loop = SharedRecurrentBlock(
        block,
        iterations,
        sharing,
        return_sequences=readout == "all",
        name="recurrent",
        **loop,
    )
    stem = keras.Sequential(half(input_shape[2], width), name="stem")
    head = _parts.classifier(initializers, 512, num_classes, *half(width, 512))

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(stem(inputs))
    outputs = Readout(head, readout, name="readout")(x)

    return keras.Model(inputs, outputs, name=name)
