"""A fully recurrent network of several states that models text, character by character.

Reference: Liao and Poggio 2016, "Bridging the Gaps Between Residual Learning, Recurrent
Neural Networks and Visual Cortex" (arXiv:1604.03640), whose supplement models text with
time-specific normalization and ReLU. Its sizes are not in the text: here every state is
a vector of the same width, and a transition two dense layers.
"""

import keras

from keras_recur._validation import check_one_of, check_positive_int
from keras_recur.layers import Readout, RecurrentGraph
from keras_recur.zoo.families._state_graph import refuse_rolled
from keras_recur.zoo.family import register


@register(
    name="frnn_text",
    summary="Several vector states, each feeding all; reads a character per step.",
    shares="every transition between states, over the steps",
    paper="Liao and Poggio 2016, arXiv:1604.03640",
    defaults={
        "input_shape": (64,),  # Characters; there is a step for each.
        "num_classes": 97,  # The alphabet, of inputs and outputs.
        "width": 128,
        "states": 2,
        "graph": "full",
        "merge": "mean",
        "affine": None,
        "statistics": 16,
    },
    initializer="he_normal",
)
def frnn_text(
    start,
    *,
    input_shape,
    num_classes,
    width,
    states,
    graph,
    merge,
    affine,
    statistics,
    sharing,
    readout,
    unroll,
    remat,
):
    check_one_of("states", states, (2, 3))
    check_one_of("graph", graph, ("full", "adjacent"))
    check_positive_int("statistics", statistics)
    refuse_rolled("frnn_text", unroll)
    # A character is read out when it has reached the last state: with bypasses after
    # one step, without them after one step per transition on its way.
    delay = states - 2 if graph == "adjacent" else 0

    # Layers
    before = keras.layers.Embedding(
        num_classes,
        width,
        embeddings_initializer=keras.initializers.RandomNormal(
            stddev=1.0, seed=start.draw_seed()
        ),
        name="embedding",
    )
    loop = RecurrentGraph(
        {f"h{i + 1}": (width,) for i in range(states)},
        graph,
        input_shape[0] + delay,
        merge,
        sharing,
        injection="sequence",
        affine=affine,
        max_statistics=statistics,
        kernel_initializer=start.kernel_initializer(),
        return_sequences=readout == "all",
        remat=remat,
        seed=start.draw_seed(),
        name="graph",
    )
    head = keras.Sequential(
        [
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Dense(
                num_classes,
                kernel_initializer=start(width)["kernel_initializer"],
                name="characters",
            ),
        ],
        name="head",
    )

    # Graph
    inputs = keras.Input(input_shape, dtype="int32")
    state = loop(before(inputs))
    if delay and readout == "all":
        state = keras.layers.Cropping1D((delay, 0), name="on_time")(state)
    outputs = Readout(head, readout, name="readout")(state)

    # Model
    return keras.Model(inputs, outputs, name="frnn_text")
