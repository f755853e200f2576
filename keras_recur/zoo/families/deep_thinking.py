"""Networks with logits for every position: mazes in 2-D, prefix sums in 1-D.

References: Schwarzschild et al. 2022 (arXiv:2102.11011) for the maze network;
Schwarzschild et al. 2021, "Can You Learn an Algorithm?" (arXiv:2106.04537) for the 1-D
form; Bansal et al. 2022, "End-to-end Algorithm Synthesis" (arXiv:2202.05826) for recall
(`injection="concat"`). The layers follow the released code,
github.com/aks2203/deep-thinking: no biases, strides or pooling, so inputs may have any
size. A ReLU follows the convolution that takes the input again in 1-D, but not in 2-D.
The feed-forward baseline of that code shares this convolution among its blocks; the
feed-forward twin here shares nothing.
"""

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.layers._state_path import INITIAL_STATES
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family

_RECALL = {"injection": "concat"}
_OPTIONS = {
    "injection": None,
    "normalization": None,
    "initial_state": "input",
    "damping": 0.0,
    "state_noise": 0.0,
}
_CHOICES = {
    "injection": (None, "add", "concat"),
    "normalization": (None, "group"),
    "initial_state": INITIAL_STATES,
}


@register_family(
    name="deep_thinking_2d",
    summary="Fully convolutional residual network for mazes of any size.",
    shares="two residual blocks of two 3x3 convolutions each, without bias",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults={
        "input_shape": (None, None, 3),
        "num_classes": 2,
        "width": 128,
        "iterations": 6,
        **_OPTIONS,
    },
    choices=_CHOICES,
    example_shape=(24, 24, 3),
    reported=(
        ReportedCounts({"iterations": 1}, 632_592, 632_592),
        ReportedCounts({"iterations": 10}, 632_592, 5_941_008),
        ReportedCounts(_RECALL | {"iterations": 1}, 783_504, 783_504),
    ),
)
def deep_thinking_2d(initializers, **arguments):
    return _network("deep_thinking_2d", initializers, **arguments)


@register_family(
    name="deep_thinking_1d",
    summary="Fully convolutional residual network for strings of any length.",
    shares="two residual blocks of two convolutions of size 3 each, without bias",
    paper="Schwarzschild et al. 2021, arXiv:2106.04537",
    defaults={
        "input_shape": (None, 1),
        "num_classes": 2,
        "width": 120,
        "iterations": 10,
        **_OPTIONS,
    },
    choices=_CHOICES,
    width_multiple=2,
    example_shape=(16, 1),
    reported=(
        ReportedCounts({"width": 400, "iterations": 1}, 2_642_400, 2_642_400),
        ReportedCounts(_RECALL | {"width": 400, "iterations": 1}, 3_123_600, 3_123_600),
    ),
)
def deep_thinking_1d(initializers, **arguments):
    return _network("deep_thinking_1d", initializers, **arguments)


def _network(
    name,
    initializers,
    *,
    input_shape,
    num_classes,
    width,
    iterations,
    sharing,
    readout,
    injection,
    normalization,
    **loop,
):
    dimensions = len(input_shape) - 1
    channels = input_shape[-1]
    Conv = keras.layers.Conv1D if dimensions == 1 else keras.layers.Conv2D

    # Layers
    def conv(name, channels, filters, activation=None):
        return Conv(
            filters,
            3,
            padding="same",
            use_bias=False,
            activation=activation,
            **initializers(3**dimensions * channels, bias=False),
            name=name,
        )

    def norm(x, name):
        if normalization is None:
            return x
        return keras.layers.GroupNormalization(
            4, epsilon=1e-5, center=False, scale=False, name=name
        )(x)

    recall = injection == "concat"
    state = keras.Input((*[None] * dimensions, width + channels if recall else width))
    x = state
    if recall:
        activation = "relu" if dimensions == 1 else None
        x = conv("recall", width + channels, width, activation)(x)
    x = _parts.residual_blocks(x, lambda name: conv(name, width, width), norm)
    loop = SharedRecurrentBlock(
        keras.Model(state, x, name="block"),
        iterations,
        sharing,
        injection,
        return_sequences=readout == "all",
        seed=initializers.draw_seed(),
        name="recurrent",
        **loop,
    )
    projection = conv("projection", channels, width, "relu")
    sizes = (width, width // 2) if dimensions == 1 else (32, 8)
    head = keras.Sequential(
        [
            conv("head1", width, sizes[0], "relu"),
            conv("head2", sizes[0], sizes[1], "relu"),
            conv("head3", sizes[1], num_classes),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = projection(inputs)
    x = loop(x, injected=inputs) if recall else loop(x)
    outputs = Readout(head, readout, name="readout")(x)

    return keras.Model(inputs, outputs, name=name)
