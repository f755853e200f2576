"""Networks of the shortest-path task: CNN, and SCNN with soft sharing.

Reference: Savarese and Maire 2019, "Learning Implicitly Recurrent CNNs Through
Parameter Sharing" (arXiv:1902.09701), the synthetic task. The released code contains
neither the task nor the networks. They follow the paper, as the data set
`shortest_paths` does.
"""

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.families import _parts
from keras_recur.zoo.family import ReportedCounts, register_family


def _check_classes(*, num_classes, **_):
    if num_classes != 2:
        raise ValueError(
            "scnn marks the cells of a path and has two classes. Received: "
            f"num_classes={num_classes}. Allowed: 2."
        )


@register_family(
    name="scnn",
    summary="Residual 3x3 convolutions whose kernels come from one template bank.",
    shares="one 3x3 convolution without bias, but not its normalization",
    paper="Savarese and Maire 2019, arXiv:1902.09701",
    defaults={
        "input_shape": (None, None, 2),
        "num_classes": 2,
        "width": 32,
        "iterations": 20,
        "templates": "layers",
    },
    check=_check_classes,
    initializer="he_normal",
    example_shape=(32, 32, 2),
    reported=(
        ReportedCounts({}, 186_129, 185_729),
        ReportedCounts({"templates": 1}, 10_645, 185_729),
    ),
)
def scnn(
    initializers, input_shape, num_classes, width, iterations, sharing, readout, **loop
):
    # Layers
    state = keras.Input((None, None, width))
    y = _parts.conv(initializers, "conv", width, width)(state)
    y = _parts.relu(_parts.time_batch_norm("norm")(y), "relu")
    y = keras.layers.Add(name="add")([state, y])
    loop = SharedRecurrentBlock(
        keras.Model(state, y, name="block"),
        iterations,
        sharing,
        return_sequences=readout == "all",
        seed=initializers.draw_seed(),
        name="recurrent",
        **loop,
    )
    # The paper has one logit per cell: softmax over it and a zero is its sigmoid.
    features = keras.Input((None, None, width))
    logit = _parts.conv(initializers, "mark", width, 1, 1, use_bias=True)(features)
    zero = keras.layers.Rescaling(0.0, name="zero")(logit)
    logits = keras.layers.Concatenate(name="logits")([zero, logit])
    head = keras.Model(features, logits, name="head")

    projection = _parts.conv(
        initializers, "projection", input_shape[2], width, 1, use_bias=True
    )

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(projection(inputs))
    outputs = Readout(head, readout, name="readout")(x)

    return keras.Model(inputs, outputs, name="cnn" if sharing == "none" else "scnn")
