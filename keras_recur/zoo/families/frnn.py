"""The fully recurrent networks of several states.

Reference: Liao and Poggio 2016, "Bridging the Gaps Between Residual Learning, Recurrent
Neural Networks and Visual Cortex" (arXiv:1604.03640), Figure 3 and Table 1. Each state
has half the size and twice the channels of the one before. The text does not state the
kernel size of transitions (here 3), nor which convolution of a transition carries a
single stride (here the first), nor the widths of a pre-net of three convolutions (here
that of the first state).
"""

import keras

from keras_recur._validation import check_one_of
from keras_recur.layers import Readout, RecurrentGraph
from keras_recur.zoo.families._state_graph import (
    check_states,
    post_net,
    pre_net,
    refuse_rolled,
    state_shapes,
)
from keras_recur.zoo.family import ReportedCounts, register

_TABLE_1 = {"prenet": 3, "affine": "shared"}


@register(
    name="frnn",
    summary="Several states of a visual hierarchy, each feeding all, run step by step.",
    shares="every transition between states, over the steps",
    paper="Liao and Poggio 2016, arXiv:1604.03640",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 10,
        "width": 64,
        "iterations": 4,
        "states": 3,
        "graph": "full",
        "prenet": 1,
        "merge": "mean",
        "affine": None,
    },
    initializer="he_normal",
    reported=(
        ReportedCounts(_TABLE_1 | {"iterations": 4}, 4_212_938, 11_354_634),
        ReportedCounts(_TABLE_1 | {"iterations": 9}, 4_212_938, 32_025_354),
        ReportedCounts(
            _TABLE_1 | {"iterations": 4, "graph": "adjacent"}, 3_290_058, 6_500_938
        ),
    ),
)
def frnn(
    start,
    *,
    input_shape,
    num_classes,
    width,
    iterations,
    states,
    graph,
    prenet,
    merge,
    affine,
    sharing,
    readout,
    unroll,
    remat,
):
    check_one_of("graph", graph, ("full", "adjacent"))
    check_one_of("prenet", prenet, (1, 3))
    check_states("frnn", states, input_shape)
    refuse_rolled("frnn", unroll)

    # Layers
    before = pre_net(start, input_shape, width, convolutions=prenet)
    states = state_shapes(states, input_shape, width)
    loop = RecurrentGraph(
        states,
        graph,
        iterations,
        merge,
        sharing,
        affine=affine,
        kernel_initializer=start.kernel_initializer(),
        return_sequences=readout == "all",
        remat=remat,
        seed=start.draw_seed(),
        name="graph",
    )
    head = post_net(start, states, num_classes)

    # Graph
    inputs = keras.Input(input_shape)
    outputs = Readout(head, readout, name="readout")(loop(before(inputs)))

    # Model
    return keras.Model(inputs, outputs, name="frnn")
