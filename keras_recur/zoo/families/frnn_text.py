"""Fully recurrent network of several states that models text by characters.

Reference: Liao and Poggio 2016, "Bridging the Gaps Between Residual Learning, Recurrent
Neural Networks and Visual Cortex" (arXiv:1604.03640), whose supplement models text with
time-specific normalization and ReLU. The paper does not state the sizes. Here, all
states are vectors of the same width, and a transition has two dense layers.
"""

import keras

from keras_recur._validation import check_positive_int
from keras_recur.layers import Readout, RecurrentGraph
from keras_recur.zoo.families import _parts, _state_graph
from keras_recur.zoo.family import register_family


def _check(*, statistics, templates, unroll, **_):
    check_positive_int("statistics", statistics)
    _state_graph.check_loop("frnn_text", templates, unroll)


@register_family(
    name="frnn_text",
    summary="State graph of vectors that reads one character per step.",
    shares="every transition between states",
    paper="Liao and Poggio 2016, arXiv:1604.03640",
    defaults={
        "input_shape": (64,),  # Characters, with one step for each.
        "num_classes": 97,  # Size of the alphabet of inputs and outputs.
        "width": 128,
        "states": 2,
        "graph": "full",
        "merge": "mean",
        "affine": None,
        "statistics": 16,
    },
    choices=_state_graph.CHOICES | {"states": (2, 3)},
    check=_check,
    initializer="he_normal",
)
def frnn_text(
    initializers,
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
    remat,
    **_,
):
    # Without bypasses, a character needs one step per transition to the last state.
    delay = states - 2 if graph == "adjacent" else 0

    # Layers
    before = keras.layers.Embedding(
        num_classes,
        width,
        embeddings_initializer=keras.initializers.RandomNormal(
            stddev=1.0, seed=initializers.draw_seed()
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
        **_state_graph.graph_arguments(initializers, readout, remat),
    )
    head = keras.Sequential(
        [
            _parts.batch_norm("norm"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Dense(
                num_classes, **initializers(width, bias=False), name="characters"
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

    return keras.Model(inputs, outputs, name="frnn_text")
