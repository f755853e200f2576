"""Feedback networks: stacked ConvLSTMs that see the same image at every iteration.

References: Zamir et al. 2017, "Feedback Networks" (arXiv:1612.09508), and its released
code, github.com/StanfordVL/feedback-networks. The default is `feedback_48`.
`feedback_48_2` has `time_skip=2`, and `feedback_32` has `stack=2` and 8 iterations. The
numbers multiply the convolutions from input to output by the iterations. The longest
path is shorter, because a state passes only one module per iteration. Two things differ
from the released code: normalization has statistics for every iteration (unless
`normalization="shared"`), and gradients pass through the skips in time.
"""

import keras
from keras import ops

from keras_recur._validation import check_integer, check_positive_int
from keras_recur.layers import (
    EveryNthIteration,
    Readout,
    SharedRecurrentBlock,
    ZeroState,
)
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family

# (channels as a multiple of the width, stride) of every module, by `stack`.
_MODULES = {3: ((1, 1), (2, 2), (4, 2), (4, 1)), 2: ((2, 2), (2, 1), (4, 2), (4, 1))}


def _check_options(*, time_skip, modules, **_):
    check_integer("time_skip", time_skip, 0)
    if modules is None:
        return
    try:
        pairs = [(multiple, stride) for multiple, stride in modules]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            "`modules` must be a sequence of pairs: the channels of each module as a "
            f"multiple of the width, and its stride. Received: modules={modules!r}. "
            "For instance ((1, 1), (2, 2))."
        )
    for pair in pairs:
        for part in pair:
            check_positive_int("modules", part)


@register_family(
    name="feedback",
    summary="Stacked ConvLSTMs that see the same image at every iteration.",
    shares="all modules",
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
    choices={"stack": (2, 3), "normalization": ("per_iteration", "shared")},
    check=_check_options,
    initializer="he_normal",
    reported=(
        ReportedCounts({"iterations": 4}, 1_969_204, 7_855_924),
        ReportedCounts({"iterations": 8, "stack": 2}, 1_395_508, 11_115_316),
    ),
)
def feedback(
    initializers,
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
    shapes, strides = [(*input_shape[:2], width)], []
    for multiple, stride in _MODULES[stack] if modules is None else modules:
        sizes = (-(-size // int(stride)) for size in shapes[-1][:2])
        shapes.append((*sizes, int(multiple) * width))
        strides.append(int(stride))
    skipping = []
    if time_skip:
        # A module adds its output to its input, so both must have the same shape.
        skipping = [m for m in range(len(strides)) if shapes[m] == shapes[m + 1]]

    # Layers
    def conv(x, filters, name, stride=1):
        x = _parts.pad(x, name, stride)
        channels = x.shape[-1]
        return _parts.conv(initializers, name, channels, filters, strides=stride)(x)

    def norm(x, name):
        if normalization == "shared":
            return _parts.batch_norm(f"{name}_norm")(x)
        return _parts.time_batch_norm(f"{name}_norm", affine="shared")(x)

    def relu(x, name):
        return _parts.relu(x, f"{name}_relu")

    def path(x, filters, name, stride=1):
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
        """Apply a ConvLSTM. Return its new output and its new cell."""
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
        """Return the stack of all modules."""
        # Tensors that only pass through the block keep the dtype of their input.
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

    head = _parts.classifier(
        initializers, shapes[-1][-1], num_classes, keras.layers.ReLU(name="relu")
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = conv(inputs, width, "stem")
    x = relu(_parts.batch_norm("stem_norm")(x), "stem")
    zeros = [shapes[1:], shapes[1:], [shapes[m + 1] for m in skipping]]
    zeros = [ZeroState(shape)(x) for part in zeros for shape in part]
    states = SharedRecurrentBlock(
        block(),
        iterations,
        sharing,
        return_sequences=readout == "all",
        seed=initializers.draw_seed(),
        name="recurrent",
        **loop,
    )([x, *zeros])
    outputs = Readout(head, readout, name="readout")(states[len(strides)])

    return keras.Model(inputs, outputs, name="feedback")
