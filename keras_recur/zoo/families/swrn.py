"""Wide residual networks with soft parameter sharing: SWRN, and its twin, WRN.

References: Savarese and Maire 2019, "Learning Implicitly Recurrent CNNs Through
Parameter Sharing" (arXiv:1902.09701); Zagoruyko and Komodakis 2016, "Wide Residual
Networks" (arXiv:1605.07146). The layers and counts follow the released code,
github.com/lolemacs/soft-sharing. Every stage has one template bank for the 3x3 kernels
of all its blocks except the first. Every layer has its own normalization.
"""

import keras

from keras_recur._validation import check_positive_int
from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family

_SWRN_16_8_1 = {"depth": 16, "width": 8, "templates": 1}
_SWRN_28_2_2 = {"depth": 28, "width": 2, "templates": 2}
_SWRN_28_10_2 = {"depth": 28, "width": 10, "templates": 2}


def _check_depth(*, depth, **_):
    depth = check_positive_int("depth", depth)
    if depth < 16 or depth % 6 != 4:
        nearest = max(16, round((depth - 4) / 6) * 6 + 4)
        raise ValueError(
            "`depth` of swrn must be 6n + 4 with n of 2 or more: 16, 22, 28, 34, 40. "
            f"Received: depth={depth!r}. Nearest: {nearest}."
        )


@register_family(
    name="swrn",
    summary="Wide residual network for small images with template banks.",
    shares="the 3x3 kernels of all residual blocks of a stage except the first",
    paper="Savarese and Maire 2019, arXiv:1902.09701",
    defaults=_parts.CIFAR10 | {"width": 10, "depth": 28, "templates": 2},
    check=_check_depth,
    initializer="he_normal",
    reported=(
        ReportedCounts(_SWRN_16_8_1, 7_864_800, 10_961_370),
        ReportedCounts(_SWRN_28_2_2, 693_502, 1_467_610),
        ReportedCounts(_SWRN_28_10_2, 17_125_630, 36_479_194),
        ReportedCounts(_SWRN_28_10_2 | {"num_classes": 100}, 17_183_320, 36_536_884),
    ),
)
def swrn(
    initializers, input_shape, num_classes, width, depth, sharing, readout, **loop
):
    iterations = (depth - 4) // 6 - 1
    sizes = (16, 16 * width, 32 * width, 64 * width)

    # Layers
    def conv(name, channels, filters, kernel_size=3, strides=1):
        return _parts.conv(initializers, name, channels, filters, kernel_size, strides)

    def norm_relu(x, name):
        return _parts.relu(_parts.batch_norm(f"{name}_norm")(x), f"{name}_relu")

    def first_block(x, name, channels, filters, strides):
        """Apply the first block of a stage, which changes size and is not shared."""
        y = norm_relu(x, f"{name}_a")
        shortcut = x
        if channels != filters:
            shortcut = conv(f"{name}_shortcut", channels, filters, 1, strides)(y)
        y = _parts.pad(y, name, strides)
        y = conv(f"{name}_conv_a", channels, filters, strides=strides)(y)
        y = norm_relu(y, f"{name}_b")
        y = conv(f"{name}_conv_b", filters, filters)(y)
        return keras.layers.Add(name=f"{name}_add")([shortcut, y])

    def block(filters):
        state = y = keras.Input((None, None, filters))
        for part in ("a", "b"):
            y = _parts.time_batch_norm(f"norm_{part}")(y)
            y = conv(f"conv_{part}", filters, filters)(_parts.relu(y, f"relu_{part}"))
        y = keras.layers.Add(name="add")([state, y])
        return keras.Model(state, y, name="block")

    head = _parts.classifier(
        initializers,
        sizes[3],
        num_classes,
        _parts.batch_norm("norm"),
        keras.layers.ReLU(name="relu"),
        bias=False,
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
            seed=initializers.draw_seed(),
            name=f"stage{stage}",
            **loop,
        )(x)
    outputs = Readout(head, readout, name="readout")(x)

    return keras.Model(inputs, outputs, name="wrn" if sharing == "none" else "swrn")
