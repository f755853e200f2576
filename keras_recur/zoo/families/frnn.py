"""Fully recurrent networks of several states.

Reference: Liao and Poggio 2016, "Bridging the Gaps Between Residual Learning, Recurrent
Neural Networks and Visual Cortex" (arXiv:1604.03640), Figure 3 and Table 1. Each state
has half the size and twice the channels of the previous one. The paper does not state
the kernel size of transitions (here 3), the convolution with the stride (here the first
of a transition), and the width of a pre-net of three convolutions (here that of the
first state).
"""

import keras

from keras_recur.layers import Readout, RecurrentGraph
from keras_recur.zoo.families import _parts, _state_graph
from keras_recur.zoo.family import ReportedCounts, register_family

_TABLE_1 = {"prenet": 3, "affine": "shared"}


def _check(*, input_shape, states, templates, unroll, **_):
    _state_graph.check_input_size("frnn", states, input_shape)
    _state_graph.check_loop("frnn", templates, unroll)


@register_family(
    name="frnn",
    summary="State graph of a visual hierarchy in which every state feeds every other.",
    shares="every transition between states",
    paper="Liao and Poggio 2016, arXiv:1604.03640",
    defaults=_parts.CIFAR10
    | {
        "width": 64,
        "iterations": 4,
        "states": 3,
        "graph": "full",
        "prenet": 1,
        "merge": "mean",
        "affine": None,
    },
    choices=_state_graph.CHOICES | {"states": (2, 3, 4), "prenet": (1, 3)},
    check=_check,
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
    initializers,
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
    remat,
    **_,
):
    # Layers
    before = _state_graph.pre_net(initializers, input_shape, width, convolutions=prenet)
    states = _state_graph.state_shapes(states, input_shape, width)
    loop = RecurrentGraph(
        states,
        graph,
        iterations,
        merge,
        sharing,
        affine=affine,
        **_state_graph.graph_arguments(initializers, readout, remat),
    )
    head = _state_graph.post_net(initializers, states, num_classes)

    # Graph
    inputs = keras.Input(input_shape)
    outputs = Readout(head, readout, name="readout")(loop(before(inputs)))

    return keras.Model(inputs, outputs, name="frnn")
