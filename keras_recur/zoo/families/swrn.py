"""Wide residual networks with soft parameter sharing: SWRN, and its twin, WRN.

References: Savarese and Maire 2019, "Learning Implicitly Recurrent CNNs Through
Parameter Sharing" (arXiv:1902.09701), layers and counts as in the released code,
github.com/lolemacs/soft-sharing; Zagoruyko and Komodakis 2016, "Wide Residual Networks"
(arXiv:1605.07146). Every stage has one template bank for the 3x3 kernels of all its
blocks but the first; normalization is every layer's own.
"""

from typing import Any

import keras

from keras_recur._validation import check_positive_int
from keras_recur.layers import (
    Readout,
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
)
from keras_recur.zoo.family import ReportedCounts, register

# The batch normalization of PyTorch, in Keras's terms.
_TORCH_BATCH_NORM: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-5}


@register(
    name="swrn",
    summary="Wide residual network for small images; 3x3 kernels mixed from templates.",
    shares="per stage, the 3x3 kernels of all residual blocks but the first",
    paper="Savarese and Maire 2019, arXiv:1902.09701",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 10,
        "width": 10,
        "depth": 28,
        "templates": 2,
    },
    initializer="he_normal",
    reported=(
        ReportedCounts(
            {"depth": 16, "width": 8, "templates": 1}, 7_864_800, 10_961_370
        ),
        ReportedCounts({"depth": 28, "width": 2, "templates": 2}, 693_502, 1_467_610),
        ReportedCounts(
            {"depth": 28, "width": 10, "templates": 2}, 17_125_630, 36_479_194
        ),
        ReportedCounts(
            {"depth": 28, "width": 10, "templates": 2, "num_classes": 100},
            17_183_320,
            36_536_884,
        ),
    ),
)
def swrn(
    start,
    *,
    input_shape,
    num_classes,
    width,
    depth,
    sharing,
    readout,
    **loop,
):
    depth = check_positive_int("depth", depth)
    if depth < 16 or depth % 6 != 4:
        nearest = max(16, round((depth - 4) / 6) * 6 + 4)
        raise ValueError(
            "`depth` of swrn must be 6n + 4 with n of 2 or more: 16, 22, 28, 34, 40. "
            f"Received: depth={depth!r}. Nearest: {nearest}."
        )
    iterations = (depth - 4) // 6 - 1
    sizes = (16, 16 * width, 32 * width, 64 * width)

    # Layers
    def conv(name, channels, filters, kernel_size=3, strides=1):
        values = start(kernel_size**2 * channels)["kernel_initializer"]
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            strides,
            padding="same" if strides == 1 else "valid",
            use_bias=False,
            kernel_initializer=values,
            name=name,
        )

    def norm_relu(x, name):
        x = keras.layers.BatchNormalization(**_TORCH_BATCH_NORM, name=f"{name}_norm")(x)
        return keras.layers.ReLU(name=f"{name}_relu")(x)

    def first_block(x, name, channels, filters, strides):
        """Not shared: its input has another size. The shortcut starts behind ReLU."""
        y = norm_relu(x, f"{name}_a")
        shortcut = x
        if channels != filters:
            shortcut = conv(f"{name}_shortcut", channels, filters, 1, strides)(y)
        if strides > 1:  # As PyTorch pads: one pixel on every side.
            y = keras.layers.ZeroPadding2D(1, name=f"{name}_padding")(y)
        y = conv(f"{name}_conv_a", channels, filters, strides=strides)(y)
        y = norm_relu(y, f"{name}_b")
        y = conv(f"{name}_conv_b", filters, filters)(y)
        return keras.layers.Add(name=f"{name}_add")([shortcut, y])

    def block(filters):
        """A state to a state: what is iterated within a stage."""
        state = y = keras.Input((None, None, filters))
        for part in ("a", "b"):
            y = TimeSpecificBatchNormalization(
                affine="per_iteration", **_TORCH_BATCH_NORM, name=f"norm_{part}"
            )(y)
            y = keras.layers.ReLU(name=f"relu_{part}")(y)
            y = conv(f"conv_{part}", filters, filters)(y)
        return keras.Model(
            state, keras.layers.Add(name="add")([state, y]), name="block"
        )

    head = keras.Sequential(
        [
            keras.layers.BatchNormalization(**_TORCH_BATCH_NORM, name="norm"),
            keras.layers.ReLU(name="relu"),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(
                num_classes,
                kernel_initializer=start(sizes[3])["kernel_initializer"],
                name="classes",
            ),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = conv("stem", input_shape[2], sizes[0])(inputs)
    for stage in (1, 2, 3):
        channels, filters = sizes[stage - 1 : stage + 1]
        x = first_block(x, f"stage{stage}_first", channels, filters, min(stage, 2))
        x = SharedRecurrentBlock(
            block(filters),
            iterations,
            sharing,
            return_sequences=readout == "all" and stage == 3,
            seed=start.draw_seed(),
            name=f"stage{stage}",
            **loop,
        )(x)
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    return keras.Model(inputs, outputs, name="wrn" if sharing == "none" else "swrn")
