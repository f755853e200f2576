"""Residual networks as state graphs, with transitions that are blocked in time.

Reference: Liao and Poggio 2016, "Bridging the Gaps Between Residual Learning, Recurrent
Neural Networks and Visual Cortex" (arXiv:1604.03640), Figure 4. A state loops and then
feeds the next state, which loops in turn. With separate weights for every step, this is
a pre-activation residual network. The paper does not state the sizes of the states.
"""

import keras

from keras_recur._validation import check_one_of, check_sequence, check_string
from keras_recur.layers import Readout, RecurrentGraph, resnet_transitions
from keras_recur.zoo.families import _parts, _state_graph
from keras_recur.zoo.family import ReportedCounts, register_family


def _check(
    *, input_shape, iterations, states, loops, shared_states, templates, unroll, **_
):
    _state_graph.check_input_size("multistate_resnet", states, input_shape)
    _state_graph.check_loop("multistate_resnet", templates, unroll)
    _loop_counts(iterations, states, loops)
    if shared_states is not None:
        for state in check_sequence("shared_states", shared_states, check_string):
            check_one_of("shared_states", state, _state_graph.NAMES[:states])


def _loop_counts(iterations, states, loops):
    """Return the number of loops of each state, for `iterations` steps in total."""
    if loops == "first":  # As in the figure, all other states loop once.
        minimum = 2 * states - 1
        if iterations < minimum:
            raise ValueError(
                f"A loop of {states} states needs at least {minimum} steps. Received: "
                f"iterations={iterations}. Nearest: {minimum}."
            )
        return [iterations - minimum + 1] + [1] * (states - 1)
    each, rest = divmod(iterations - states + 1, states)
    if rest or each < 1:
        nearest = max(each, 1) * states + states - 1
        raise ValueError(
            f"{states} states that loop n times each need {states}n + {states - 1} "
            f"steps. Received: iterations={iterations}. Nearest: {nearest}."
        )
    return [each] * states


@register_family(
    name="multistate_resnet",
    summary="Residual network whose stages are states that loop one after another.",
    shares="one pre-activation residual block per stage",
    paper="Liao and Poggio 2016, arXiv:1604.03640",
    defaults=_parts.CIFAR10
    | {
        "width": 64,
        "iterations": 12,
        "states": 2,
        "loops": "first",
        "shared_states": None,
        "affine": None,
    },
    choices={
        "states": (2, 3, 4),
        "loops": ("first", "equal"),
        "affine": _state_graph.AFFINE,
    },
    check=_check,
    initializer="he_normal",
    reported=(
        ReportedCounts({"iterations": 12}, 537_802, 1_201_354),
        ReportedCounts({"iterations": 22}, 537_802, 1_938_634),
        ReportedCounts(
            {"iterations": 11, "states": 3, "loops": "equal"}, 2_382_538, 5_479_114
        ),
    ),
)
def multistate_resnet(
    initializers,
    *,
    input_shape,
    num_classes,
    width,
    iterations,
    states,
    loops,
    shared_states,
    affine,
    sharing,
    readout,
    remat,
    **_,
):
    # Layers
    before = _state_graph.pre_net(initializers, input_shape, width)
    shapes = _state_graph.state_shapes(states, input_shape, width)
    names = list(shapes)
    if sharing == "all" and shared_states is not None:
        sharing = {n: "all" if n in shared_states else "none" for n in names}
    loop = RecurrentGraph(
        shapes,
        resnet_transitions(names, _loop_counts(iterations, states, loops))[0],
        iterations,
        "sum",
        sharing,
        affine=affine,
        **_state_graph.graph_arguments(initializers, readout, remat),
    )
    head = _state_graph.post_net(initializers, shapes, num_classes)

    # Graph
    inputs = keras.Input(input_shape)
    outputs = Readout(head, readout, name="readout")(loop(before(inputs)))

    return keras.Model(inputs, outputs, name="multistate_resnet")
