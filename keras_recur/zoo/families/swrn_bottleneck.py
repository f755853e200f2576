"""Wide bottleneck networks with soft parameter sharing for large images: SWRN-50-2.

References: Savarese and Maire 2019, "Learning Implicitly Recurrent CNNs Through
Parameter Sharing" (arXiv:1902.09701), whose released code does not contain this
network. The layers follow torchvision's wide_resnet50_2, after Zagoruyko and Komodakis
2016 (arXiv:1605.07146). Every stage has three template banks, one for each convolution
of its bottlenecks. The first unit of a stage shares nothing.
"""

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family

_UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@register_family(
    name="swrn_bottleneck",
    summary="Wide bottleneck network for large images with template banks.",
    shares="the three kernels of all bottlenecks of a stage except the first",
    paper="Savarese and Maire 2019, arXiv:1902.09701",
    defaults={
        "input_shape": (224, 224, 3),
        "num_classes": 1000,
        "width": 2,
        "depth": 50,
        "templates": 2,
    },
    choices={"depth": tuple(_UNITS)},
    initializer="he_normal",
    reported=(ReportedCounts({}, 57_807_728, 68_883_240),),
)
def swrn_bottleneck(
    initializers, input_shape, num_classes, width, depth, sharing, readout, **loop
):
    # Layers
    def conv(name, channels, filters, kernel_size=1, strides=1):
        return _parts.conv(initializers, name, channels, filters, kernel_size, strides)

    norm, own_norm, relu = _parts.batch_norm, _parts.time_batch_norm, _parts.relu

    def first_unit(x, name, channels, inner, filters, strides):
        """Apply the first unit of a stage, which changes the size and is not shared."""
        y = conv(f"{name}_conv_a", channels, inner)(x)
        y = relu(norm(f"{name}_norm_a")(y), f"{name}_relu_a")
        y = _parts.pad(y, name, strides)
        y = conv(f"{name}_conv_b", inner, inner, 3, strides)(y)
        y = relu(norm(f"{name}_norm_b")(y), f"{name}_relu_b")
        y = norm(f"{name}_norm_c")(conv(f"{name}_conv_c", inner, filters)(y))
        shortcut = conv(f"{name}_shortcut", channels, filters, 1, strides)(x)
        shortcut = norm(f"{name}_shortcut_norm")(shortcut)
        return relu(keras.layers.Add(name=f"{name}_add")([shortcut, y]), f"{name}_relu")

    def unit(filters, inner):
        state = keras.Input((None, None, filters))
        y = own_norm("norm_a")(conv("conv_a", filters, inner)(state))
        y = conv("conv_b", inner, inner, 3)(relu(y, "relu_a"))
        y = conv("conv_c", inner, filters)(relu(own_norm("norm_b")(y), "relu_b"))
        y = keras.layers.Add(name="add")([state, own_norm("norm_c")(y)])
        return keras.Model(state, relu(y, "relu"), name="block")

    head = _parts.classifier(initializers, 2048, num_classes, bias=False)

    # Graph
    inputs = keras.Input(input_shape)
    x = keras.layers.ZeroPadding2D(3, name="stem_padding")(inputs)
    x = conv("stem", input_shape[2], 64, 7, 2)(x)
    x = relu(norm("stem_norm")(x), "stem_relu")
    # Padding with zeros is safe, because no value after the ReLU is below 0.
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
            seed=initializers.draw_seed(),
            name=name,
            **loop,
        )(x)
        channels = filters
    outputs = Readout(head, readout, name="readout")(x)

    name = "wrn_bottleneck" if sharing == "none" else "swrn_bottleneck"
    return keras.Model(inputs, outputs, name=name)
