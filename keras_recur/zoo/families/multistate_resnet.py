"""Residual networks as state graphs: transitions that are blocked in time.

Reference: Liao and Poggio 2016, "Bridging the Gaps Between Residual Learning, Recurrent
Neural Networks and Visual Cortex" (arXiv:1604.03640), Figure 4: a state loops, then
feeds the next one, which loops in turn. With weights of its own for every step this is
a pre-activation residual network. The sizes of the figure's states are not in the text.
"""

import keras

from keras_recur._validation import check_one_of, check_sequence, check_string
from keras_recur.layers import Readout, RecurrentGraph, resnet_transitions
from keras_recur.zoo.families._state_graph import (
    check_states,
    post_net,
    pre_net,
    refuse_rolled,
    state_shapes,
)
from keras_recur.zoo.family import ReportedCounts, register


@register(
    name="multistate_resnet",
    summary="Residual network whose stages are states that loop one after the other.",
    shares="per stage, one pre-activation residual block",
    paper="Liao and Poggio 2016, arXiv:1604.03640",
    defaults={
        "input_shape": (32, 32, 3),
        "num_classes": 10,
        "width": 64,
        "iterations": 12,
        "states": 2,
        "loops": "first",
        "shared_states": None,
        "affine": None,
    },
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
    start,
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
    unroll,
    remat,
):
    check_states("multistate_resnet", states, input_shape)
    refuse_rolled("multistate_resnet", unroll)
    counts = _loops(iterations, states, loops)

    # Layers
    before = pre_net(start, input_shape, width)
    shapes = state_shapes(states, input_shape, width)
    names = list(shapes)
    if shared_states is not None:
        shared_states = check_sequence("shared_states", shared_states, check_string)
    if sharing == "all" and shared_states is not None:
        sharing = {n: "all" if n in shared_states else "none" for n in names}
        for name in shared_states:
            check_one_of("shared_states", name, names)
    loop = RecurrentGraph(
        shapes,
        resnet_transitions(names, counts)[0],
        iterations,
        "sum",
        sharing,
        affine=affine,
        kernel_initializer=start.kernel_initializer(),
        return_sequences=readout == "all",
        remat=remat,
        seed=start.draw_seed(),
        name="graph",
    )
    head = post_net(start, shapes, num_classes)

    # Graph
    inputs = keras.Input(input_shape)
    outputs = Readout(head, readout, name="readout")(loop(before(inputs)))

    # Model
    return keras.Model(inputs, outputs, name="multistate_resnet")


def _loops(iterations, states, loops):
    """How often each state loops, for so many steps in all."""
    check_one_of("loops", loops, ("first", "equal"))
    if loops == "first":  # The figure's "unrolled once" for all but the first.
        least = 2 * states - 1
        if iterations < least:
            raise ValueError(
                f"{states} states that loop take {least} steps or more. Received: "
                f"iterations={iterations}. Nearest: {least}."
            )
        return [iterations - least + 1] + [1] * (states - 1)
    each, rest = divmod(iterations - states + 1, states)
    if rest or each < 1:
        nearest = max(each, 1) * states + states - 1
        raise ValueError(
            f"{states} states that loop n times each take {states}n + {states - 1} "
            f"steps. Received: iterations={iterations}. Nearest: {nearest}."
        )
    return [each] * states
