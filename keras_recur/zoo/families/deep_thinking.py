"""Networks that answer for every position: mazes in 2-D, prefix sums in 1-D.

References: Schwarzschild et al. 2022 (arXiv:2102.11011) for the maze network;
Schwarzschild et al. 2021, "Can You Learn an Algorithm?" (arXiv:2106.04537) for the
1-D form; Bansal et al. 2022, "End-to-end Algorithm Synthesis" (arXiv:2202.05826) for
recall, here `injection="concat"`. Layers as in the released code,
github.com/aks2203/deep-thinking: no biases, no strides, no pooling, so that a network
takes inputs of any size. In 2-D nothing, in 1-D a ReLU follows the convolution that
takes the input back in. (The code's feed-forward baseline shares that convolution over
its blocks; here the feed-forward twin shares nothing.)
"""

import keras

from keras_recur._validation import check_one_of
from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.family import ReportedCounts, register

_MAZE = {"width": 128, "input_shape": (None, None, 3)}
_RECALL = {"injection": "concat"}
_OPTIONS = {"injection": None, "normalization": None}


@register(
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
    example_shape=(24, 24, 3),
    reported=(
        ReportedCounts(_MAZE | {"iterations": 1}, 632_592, 632_592),
        ReportedCounts(_MAZE | {"iterations": 10}, 632_592, 5_941_008),
        ReportedCounts(_MAZE | _RECALL | {"iterations": 1}, 783_504, 783_504),
    ),
)
def deep_thinking_2d(start, *, input_shape, width, **arguments):
    return _network("deep_thinking_2d", start, input_shape, width, **arguments)


@register(
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
    width_multiple=2,
    example_shape=(16, 1),
    reported=(
        ReportedCounts({"width": 400, "iterations": 1}, 2_642_400, 2_642_400),
        ReportedCounts(
            {"width": 400, "iterations": 1, "injection": "concat"},
            3_123_600,
            3_123_600,
        ),
    ),
)
def deep_thinking_1d(start, *, input_shape, width, **arguments):
    return _network("deep_thinking_1d", start, input_shape, width, **arguments)


def _network(
    name,
    start,
    input_shape,
    width,
    *,
    num_classes,
    iterations,
    sharing,
    readout,
    injection,
    normalization,
    **loop,
):
    check_one_of("injection", injection, (None, "add", "concat"))
    check_one_of("normalization", normalization, (None, "group"))
    dimensions = len(input_shape) - 1
    channels = input_shape[-1]
    Conv = keras.layers.Conv1D if dimensions == 1 else keras.layers.Conv2D

    # Layers
    def conv(name, channels, filters, activation=None):
        values = start(3**dimensions * channels)["kernel_initializer"]
        return Conv(
            filters,
            3,
            padding="same",
            use_bias=False,
            activation=activation,
            kernel_initializer=values,
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
        after = "relu" if dimensions == 1 else None
        x = conv("recall", width + channels, width, after)(x)
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
        injection,
        return_sequences=readout == "all",
        seed=start.draw_seed(),
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

    # Model
    return keras.Model(inputs, outputs, name=name)
