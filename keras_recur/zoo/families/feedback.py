"""Feedback networks: stacked ConvLSTMs that look at one image again and again.

References: Zamir et al. 2017, "Feedback Networks" (arXiv:1612.09508), as its released
code has them (github.com/StanfordVL/feedback-networks): `feedback_48` is the default
here, `feedback_48_2` has `time_skip=2`, and `feedback_32` `stack=2` and 8 iterations.
Their names count convolutions on the way of the input, times the iterations; the
longest path is shorter, since from one iteration to the next a state passes one module
only. Two things differ on purpose: normalization has statistics for every iteration
(`normalization="shared"` is the release), and gradients pass through the skips in time,
which the released code cuts.
"""

from typing import Any

import keras
from keras import ops

from keras_recur._validation import check_integer, check_one_of, check_positive_int
from keras_recur.layers import (
    EveryNthIteration,
    Readout,
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
    ZeroState,
)
from keras_recur.zoo.family import ReportedCounts, register

# (channels, as a multiple of the width; stride) of every module, by convolutions.
_MODULES = {3: ((1, 1), (2, 2), (4, 2), (4, 1)), 2: ((2, 2), (2, 1), (4, 2), (4, 1))}
_TORCH_BATCH_NORM: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-5}


@register(
    name="feedback",
    summary="Stacked ConvLSTMs that see the same image at every iteration and answer.",
    shares="all modules, over the iterations",
    paper="Zamir et al. 2017, arXiv:1612.09508",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 100,
        "width": 16,
        "iterations": 4,
        "stack": 3,
        "modules": None,
        "time_skip": 0,
        "normalization": "per_iteration",
    },
    initializer="he_normal",
    reported=(
        ReportedCounts({"iterations": 4}, 1_969_204, 7_855_924),
        ReportedCounts({"iterations": 8, "stack": 2}, 1_395_508, 11_115_316),
    ),
)
def feedback(
    start,
    *,
    input_shape,
    num_classes,
    width,
    iterations,
    stack,
    modules,
    time_skip,
    normalization,
    sharing,
    readout,
    **loop,
):
    check_one_of("stack", stack, (2, 3))
    check_one_of("normalization", normalization, ("per_iteration", "shared"))
    time_skip = check_integer("time_skip", time_skip, 0)
    shapes, strides = [(*input_shape[:2], width)], []
    for multiple, stride in _MODULES[stack] if modules is None else _checked(modules):
        sizes = (-(-size // stride) for size in shapes[-1][:2])
        shapes.append((*sizes, multiple * width))
        strides.append(stride)
    # A module adds its output to its input, so the two must have one shape.
    skipping = [m for m in range(len(strides)) if shapes[m] == shapes[m + 1]]
    skipping = skipping if time_skip else []

    # Layers
    def conv(x, filters, name, stride=1):
        if stride > 1:  # As PyTorch pads: one pixel on every side.
            x = keras.layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
        return keras.layers.Conv2D(
            filters,
            3,
            stride,
            padding="same" if stride == 1 else "valid",
            use_bias=False,
            kernel_initializer=start(9 * x.shape[-1])["kernel_initializer"],
            name=name,
        )(x)

    def norm(x, name):
        if normalization == "shared":
            return keras.layers.BatchNormalization(
                **_TORCH_BATCH_NORM, name=f"{name}_norm"
            )(x)
        return TimeSpecificBatchNormalization(
            affine="shared", **_TORCH_BATCH_NORM, name=f"{name}_norm"
        )(x)

    def relu(x, name):
        return keras.layers.ReLU(name=f"{name}_relu")(x)

    def path(x, filters, name, stride=1):
        """One of the two stacks of convolutions behind a gate."""
        y = relu(norm(conv(x, filters, f"{name}_a", stride), f"{name}_a"), f"{name}_a")
        y = norm(conv(y, filters, f"{name}_b"), f"{name}_b")
        if stack == 2:
            return y
        if stride > 1:
            x = keras.layers.MaxPooling2D(1, stride, name=f"{name}_every_other")(x)
        if x.shape[-1] < filters:
            x = ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, filters - x.shape[-1]]])
        y = relu(keras.layers.Add(name=f"{name}_shortcut")([x, y]), f"{name}_b")
        return norm(conv(y, filters, f"{name}_c"), f"{name}_c")

    def gate(x, h, name, stride, activation="sigmoid"):
        parts = [
            path(x, h.shape[-1], f"{name}_x", stride),
            path(h, h.shape[-1], f"{name}_h"),
        ]
        y = keras.layers.Add(name=f"{name}_sum")(parts)
        return keras.layers.Activation(activation, name=name)(y)

    def multiply(a, b, name):
        return keras.layers.Multiply(name=name)([a, b])

    def module(x, h, c, name, stride):
        """A ConvLSTM: a new output and a new cell."""
        into, forget, out = (
            gate(x, h, f"{name}_{which}", stride) for which in ("in", "forget", "out")
        )
        candidate = gate(x, h, f"{name}_candidate", stride, "tanh")
        kept = multiply(forget, c, f"{name}_kept")
        added = multiply(into, candidate, f"{name}_added")
        c = keras.layers.Add(name=f"{name}_cell")([kept, added])
        tanh = keras.layers.Activation("tanh", name=f"{name}_tanh")(c)
        return multiply(out, tanh, f"{name}_output"), c

    def block():
        """All modules, one upon the other.

        The state: what the stem sees, outputs, cells, and what skips in time keep.
        """
        # What only passes through keeps the dtype of its input.
        dtype = keras.config.dtype_policy().compute_dtype
        seen = x = keras.Input(shapes[0], dtype=dtype, name="seen")
        states = [[keras.Input(s, dtype=dtype) for s in shapes[1:]] for _ in "hc"]
        kept = {m: keras.Input(shapes[m + 1], dtype=dtype) for m in skipping}
        outputs, cells, keep = [], [], []
        for m, stride in enumerate(strides):
            name = f"module{m + 1}"
            if m in kept:
                added = keras.layers.Add(name=f"{name}_skip")([x, kept[m]])
                x = EveryNthIteration(time_skip, name=f"{name}_input")([x, added])
            x, c = module(x, states[0][m], states[1][m], name, stride)
            outputs.append(x)
            cells.append(c)
            if m in kept:
                choice = EveryNthIteration(time_skip, name=f"{name}_keep")
                keep.append(choice([kept[m], x]))
        states = [seen, *states[0], *states[1], *kept.values()]
        return keras.Model(states, [seen, *outputs, *cells, *keep], name="block")

    head = keras.Sequential(
        [
            keras.layers.ReLU(name="relu"),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(num_classes, **start(shapes[-1][-1]), name="classes"),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = conv(inputs, width, "stem")
    x = keras.layers.BatchNormalization(**_TORCH_BATCH_NORM, name="stem_norm")(x)
    x = relu(x, "stem")
    zeros = [shapes[1:], shapes[1:], [shapes[m + 1] for m in skipping]]
    zeros = [ZeroState(shape)(x) for part in zeros for shape in part]
    states = SharedRecurrentBlock(
        block(),
        iterations,
        sharing,
        return_sequences=readout == "all",
        seed=start.draw_seed(),
        name="recurrent",
        **loop,
    )([x, *zeros])
    outputs = Readout(head, readout, name="readout")(states[len(strides)])

    # Model
    return keras.Model(inputs, outputs, name="feedback")


def _checked(modules):
    """The modules that were asked for, as pairs of positive integers."""
    try:
        pairs = [(multiple, stride) for multiple, stride in modules]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            "`modules` must be a sequence of pairs, channels as a multiple of the "
            f"width and stride of every module. Received: modules={modules!r}. For "
            "instance ((1, 1), (2, 2))."
        )
    return [tuple(check_positive_int("modules", part) for part in p) for p in pairs]
