"""Wide bottleneck networks with soft parameter sharing, for large images: SWRN-50-2.

References: Savarese and Maire 2019, "Learning Implicitly Recurrent CNNs Through
Parameter Sharing" (arXiv:1902.09701), whose released code has no such network; layers
as in torchvision's wide_resnet50_2, of Zagoruyko and Komodakis 2016 (arXiv:1605.07146).
Every stage has three template banks, for the three convolutions of its bottlenecks. As
in the networks for small images, the first unit of a stage shares nothing.
"""

from typing import Any

import keras

from keras_recur._validation import check_one_of
from keras_recur.layers import (
    Readout,
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
)
from keras_recur.zoo.family import ReportedCounts, register

# The batch normalization of PyTorch, in Keras's terms.
_TORCH_BATCH_NORM: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-5}
_UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@register(
    name="swrn_bottleneck",
    summary="Wide bottleneck network for large images; kernels mixed from templates.",
    shares="per stage, the three kernels of all bottlenecks but the first",
    paper="Savarese and Maire 2019, arXiv:1902.09701",
    defaults={
        "input_shape": (224, 224, 3),
        "num_classes": 1000,
        "width": 2,
        "depth": 50,
        "templates": 2,
    },
    initializer="he_normal",
    reported=(ReportedCounts({}, 57_807_728, 68_883_240),),
)
def swrn_bottleneck(
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
    check_one_of("depth", depth, tuple(_UNITS))

    # Layers
    def conv(name, channels, filters, kernel_size=1, strides=1):
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

    def norm(name):
        return keras.layers.BatchNormalization(**_TORCH_BATCH_NORM, name=name)

    def relu(x, name):
        return keras.layers.ReLU(name=name)(x)

    def first_unit(x, name, channels, inner, filters, strides):
        """Not shared: its input has another size."""
        y = conv(f"{name}_conv_a", channels, inner)(x)
        y = relu(norm(f"{name}_norm_a")(y), f"{name}_relu_a")
        if strides > 1:  # As PyTorch pads: one pixel on every side.
            y = keras.layers.ZeroPadding2D(1, name=f"{name}_padding")(y)
        y = conv(f"{name}_conv_b", inner, inner, 3, strides)(y)
        y = relu(norm(f"{name}_norm_b")(y), f"{name}_relu_b")
        y = norm(f"{name}_norm_c")(conv(f"{name}_conv_c", inner, filters)(y))
        shortcut = conv(f"{name}_shortcut", channels, filters, 1, strides)(x)
        shortcut = norm(f"{name}_shortcut_norm")(shortcut)
        return relu(keras.layers.Add(name=f"{name}_add")([shortcut, y]), f"{name}_relu")

    def unit(filters, inner):
        """A state to a state: what is iterated within a stage."""

        def own_norm(name):
            return TimeSpecificBatchNormalization(
                affine="per_iteration", **_TORCH_BATCH_NORM, name=name
            )

        state = keras.Input((None, None, filters))
        y = own_norm("norm_a")(conv("conv_a", filters, inner)(state))
        y = conv("conv_b", inner, inner, 3)(relu(y, "relu_a"))
        y = conv("conv_c", inner, filters)(relu(own_norm("norm_b")(y), "relu_b"))
        y = keras.layers.Add(name="add")([state, own_norm("norm_c")(y)])
        return keras.Model(state, relu(y, "relu"), name="block")

    head = keras.Sequential(
        [
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(
                num_classes,
                kernel_initializer=start(2048)["kernel_initializer"],
                name="classes",
            ),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = keras.layers.ZeroPadding2D(3, name="stem_padding")(inputs)
    x = conv("stem", input_shape[2], 64, 7, 2)(x)
    x = relu(norm("stem_norm")(x), "stem_relu")
    # Behind ReLU nothing lies below the zeros that are padded with.
    x = keras.layers.ZeroPadding2D(1, name="pool_padding")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    channels = 64
    for stage, units in enumerate(_UNITS[depth], start=1):
        inner, filters = 32 * width * 2**stage, 128 * 2**stage
        name = f"stage{stage}"
        x = first_unit(x, f"{name}_first", channels, inner, filters, min(stage, 2))
        x = SharedRecurrentBlock(
            unit(filters, inner),
            units - 1,
            sharing,
            return_sequences=readout == "all" and stage == 4,
            seed=start.draw_seed(),
            name=name,
            **loop,
        )(x)
        channels = filters
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    name = "wrn_bottleneck" if sharing == "none" else "swrn_bottleneck"
    return keras.Model(inputs, outputs, name=name)
