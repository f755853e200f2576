"""The networks of the shortest-path task: CNN, and SCNN with soft sharing.

Reference: Savarese and Maire 2019, "Learning Implicitly Recurrent CNNs Through
Parameter Sharing" (arXiv:1902.09701), the synthetic task. The paper's code has neither
task nor networks: what is here follows their description, see the data set
`shortest_paths`.
"""

import keras

from keras_recur.layers import (
    Readout,
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
)
from keras_recur.zoo.family import ReportedCounts, register


@register(
    name="scnn",
    summary="Twenty 3x3 convolutions with skips, all from one bank of templates.",
    shares="one 3x3 convolution without bias; not its normalization",
    paper="Savarese and Maire 2019, arXiv:1902.09701",
    defaults={
        "input_shape": (None, None, 2),
        "num_classes": 2,
        "width": 32,
        "iterations": 20,
        "templates": "layers",
    },
    initializer="he_normal",
    example_shape=(32, 32, 2),
    reported=(
        ReportedCounts({}, 186_129, 185_729),
        ReportedCounts({"templates": 1}, 10_645, 185_729),
    ),
)
def scnn(
    start,
    *,
    input_shape,
    num_classes,
    width,
    iterations,
    sharing,
    readout,
    **loop,
):
    if num_classes != 2:
        raise ValueError(
            "scnn marks cells: on a path or not. Received: num_classes="
            f"{num_classes}. Allowed: 2."
        )

    # Layers
    def conv(name, channels, filters, kernel_size=1, **options):
        values = start(kernel_size**2 * channels)["kernel_initializer"]
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            kernel_initializer=values,
            name=name,
            **options,
        )

    state = y = keras.Input((None, None, width))
    y = conv("conv", width, width, 3, use_bias=False)(y)
    y = TimeSpecificBatchNormalization(
        affine="per_iteration", momentum=0.9, epsilon=1e-5, name="norm"
    )(y)
    y = keras.layers.ReLU(name="relu")(y)
    y = keras.layers.Add(name="add")([state, y])
    loop = SharedRecurrentBlock(
        keras.Model(state, y, name="block"),
        iterations,
        sharing,
        return_sequences=readout == "all",
        seed=start.draw_seed(),
        name="recurrent",
        **loop,
    )
    # One logit per cell, as the paper counts; beside it a zero, so that softmax over
    # the two is the sigmoid of the one.
    features = keras.Input((None, None, width))
    logit = conv("mark", width, 1)(features)
    zero = keras.layers.Rescaling(0.0, name="zero")(logit)
    logits = keras.layers.Concatenate(name="logits")([zero, logit])
    head = keras.Model(features, logits, name="head")

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(conv("projection", input_shape[2], width)(inputs))
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    return keras.Model(inputs, outputs, name="cnn" if sharing == "none" else "scnn")
