"""Networks with logits for every position: mazes in 2-D, prefix sums in 1-D.

References: Schwarzschild et al. 2022 (arXiv:2102.11011) for the maze network;
Schwarzschild et al. 2021, "Can You Learn an Algorithm?" (arXiv:2106.04537) for the 1-D
form; Bansal et al. 2022, "End-to-end Algorithm Synthesis" (arXiv:2202.05826) for recall
(`injection="concat"`). With `update="residual"` the layers follow the released code,
github.com/aks2203/deep-thinking: no biases, strides or pooling, so inputs may have any
size. A ReLU follows the convolution that takes the input again in 1-D, but not in 2-D.
The feed-forward baseline of that code shares this convolution among its blocks; the
feed-forward twin here shares nothing.

Three options are not from these papers. `update="leaky"` replaces both residual blocks
with convolutions with biases, `tanh` and a `LeakyUpdate`, and the head with two layers
on single positions. Without
`injection="add"`, the state stays between -1 and 1. `kernel_sizes` has one odd size
for every convolution of a block: `(3, 3)` for two, `(3, 1)` for one of size 3 and a
dense layer on every position. A residual block always has two. `patch=2` (2-D only)
keeps one state for every 2x2 pixels. The block then costs a quarter, and sizes must be
multiples of 2.
"""

import keras
from keras import ops

from keras_recur._validation import check_positive_int, check_sequence
from keras_recur.layers import LeakyUpdate, Readout, SharedRecurrentBlock
from keras_recur.layers._state_path import INITIAL_STATES
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family

_RECALL = {"injection": "concat"}
_OPTIONS = {
    "injection": None,
    "normalization": None,
    "update": "residual",
    "kernel_sizes": (3, 3),
    "initial_state": "input",
    "damping": 0.0,
    "state_noise": 0.0,
}
_CHOICES = {
    "injection": (None, "add", "concat"),
    "normalization": (None, "group"),
    "update": ("residual", "leaky"),
    "initial_state": INITIAL_STATES,
}


def _check_options(*, input_shape, update, kernel_sizes, patch=1, **_):
    sizes = check_sequence("kernel_sizes", kernel_sizes, check_positive_int, 1)
    if not all(size % 2 for size in sizes):
        raise ValueError(
            "`kernel_sizes` must be odd, so that every position has as many neighbors "
            f"on both sides. Received: kernel_sizes={kernel_sizes}."
        )
    if update == "residual" and len(sizes) != 2:
        raise ValueError(
            "`kernel_sizes` must have two sizes with update='residual', because a "
            f"residual block has two convolutions. Received: kernel_sizes="
            f"{kernel_sizes}. Use update='leaky' for other numbers of convolutions."
        )
    check_positive_int("patch", patch)
    if any(size is not None and size % patch for size in input_shape[:-1]):
        raise ValueError(
            "Height and width must be multiples of `patch`. Received: "
            f"input_shape={input_shape}, patch={patch}. Pad the inputs, or use another "
            "patch."
        )


@register_family(
    name="deep_thinking_2d",
    summary="Fully convolutional network for mazes of any size.",
    shares="all convolutions: two residual blocks, or one leaky update",
    paper="Schwarzschild et al. 2022, arXiv:2102.11011",
    defaults={
        "input_shape": (None, None, 3),
        "num_classes": 2,
        "width": 128,
        "iterations": 6,
        **_OPTIONS,
        "patch": 1,
    },
    choices=_CHOICES,
    check=_check_options,
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
    summary="Fully convolutional network for strings of any length.",
    shares="all convolutions: two residual blocks, or one leaky update",
    paper="Schwarzschild et al. 2021, arXiv:2106.04537",
    defaults={
        "input_shape": (None, 1),
        "num_classes": 2,
        "width": 120,
        "iterations": 10,
        **_OPTIONS,
    },
    choices=_CHOICES,
    check=_check_options,
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
    update,
    kernel_sizes,
    initial_state,
    patch=1,
    **options,
):
    dimensions = len(input_shape) - 1
    channels = patch**dimensions * input_shape[-1]
    outputs = patch**dimensions * num_classes
    recall, leaky = injection == "concat", update == "leaky"
    Conv = keras.layers.Conv1D if dimensions == 1 else keras.layers.Conv2D

    # Layers
    def conv(name, channels, filters, activation=None, size=3):
        arguments = {
            "use_bias": leaky,
            "activation": activation,
            **initializers(size**dimensions * channels, bias=leaky),
            "name": name,
        }
        if size == 1:
            return keras.layers.Dense(filters, **arguments)
        return Conv(filters, size, padding="same", **arguments)

    def norm(x, name):
        if normalization is None:
            return x
        return keras.layers.GroupNormalization(
            4, epsilon=1e-5, center=False, scale=False, name=name
        )(x)

    def residual_update(x):
        first, second = kernel_sizes
        if recall:
            activation = "relu" if dimensions == 1 else None
            x = conv("recall", width + channels, width, activation, first)(x)
        sizes = {"a": first, "b": second}
        return _parts.residual_blocks(
            x, lambda name: conv(name, width, width, size=sizes[name[-1]]), norm
        )

    def leaky_update(x):
        state = x[..., :width] if recall else x
        activations = ["relu"] * (len(kernel_sizes) - 1) + ["tanh"]
        for i, (size, name) in enumerate(zip(kernel_sizes, activations, strict=True)):
            x = conv(f"conv{i + 1}", x.shape[-1], width, size=size)(x)
            x = norm(x, f"norm{i + 1}")
            x = keras.layers.Activation(name, name=f"{name}{i + 1}")(x)
        return LeakyUpdate(name="update")([state, x])

    def head():
        if leaky:
            layers = [
                conv("head1", width, width, "relu", size=1),
                conv("head2", width, outputs, size=1),
            ]
        else:
            sizes = (width, width // 2) if dimensions == 1 else (32, 8)
            layers = [
                conv("head1", width, sizes[0], "relu"),
                conv("head2", sizes[0], sizes[1], "relu"),
                conv("head3", sizes[1], outputs),
            ]
        if patch == 1:
            return keras.Sequential(layers, name="head")
        state = x = keras.Input((*[None] * dimensions, width))
        for layer in layers:
            x = layer(x)
        return keras.Model(state, ops.depth_to_space(x, patch), name="head")

    state = keras.Input((*[None] * dimensions, width + channels if recall else width))
    x = leaky_update(state) if leaky else residual_update(state)
    loop = SharedRecurrentBlock(
        keras.Model(state, x, name="block"),
        iterations,
        sharing,
        injection,
        return_sequences=readout == "all",
        seed=initializers.draw_seed(),
        initial_state=initial_state,
        name="recurrent",
        **options,
    )
    projection = conv("projection", channels, width, "tanh" if leaky else "relu")
    read = Readout(head(), readout, name="readout")

    # Graph
    inputs = keras.Input(input_shape)
    seen = inputs if patch == 1 else ops.space_to_depth(inputs, patch)
    if recall and initial_state != "input":  # Only its shape counts.
        x = ops.repeat(ops.zeros_like(seen[..., :1]), width, axis=-1)
    else:
        x = projection(seen)
    x = loop(x, injected=seen) if recall else loop(x)

    return keras.Model(inputs, read(x), name=name)
