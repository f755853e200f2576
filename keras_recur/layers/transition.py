"""One edge of a state graph: its two states, its steps, and its layer."""

import numbers
from typing import Any

import keras

from keras_recur._limits import MAX_STEPS, check_size
from keras_recur._validation import (
    check_flag,
    check_integer,
    check_one_of,
    check_sequence,
    check_string,
)
from keras_recur.layers._copies import shared_config

BRANCHES = ("BRCx2", "BRCx3")


@keras.saving.register_keras_serializable(package="keras_recur")
class Transition:
    """A transition of a `RecurrentGraph`: how one state feeds another, and when.

    A transition at step s computes a part of the target's value after step s from the
    source's value after step s - 1. At step 0 there is only the input.

    Args:
        source: Name of the state that it reads.
        target: Name of the state that it feeds. It may be the source.
        first: The first step at which it exists. A negative number counts from the end:
            -1 is the last step. Such a schedule stretches if the graph runs for another
            number of steps. Defaults to `1`.
        last: The last step at which it exists. Defaults to `-1`.
        layer: A Keras layer from the source's shape to the target's, or `"BRCx2"` or
            `"BRCx3"`: two or three times batch normalization (time-specific), ReLU and
            convolution, or transposed convolution if the target is larger in space
            ("BRDx2", "BRDx3"). Each halving or doubling of the size has its own
            convolution. Inner convolutions have the mean of both states' channels. A
            Keras layer is copied unless all steps share its weights. Defaults to the
            graph's `transition_layer`.
        shortcut: Whether to add the source to the layer's output, for states of equal
            shape. Defaults to `True` for self transitions.

    Raises:
        ValueError: If a step is 0, there is no step from `first` to `last`, or `layer`
            is unknown.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640): element (i, j, t) of
        the transition matrix, from state i to state j at time t.

    Example:

    >>> late = keras_recur.layers.Transition("IT", "V1", first=3)
    >>> graph = keras_recur.layers.RecurrentGraph(
    ...     {"V1": (8, 8, 4), "IT": (4, 4, 8)}, ["self", "bottom_up", late], steps=5
    ... )
    >>> graph(np.ones((1, 8, 8, 4))).shape
    (1, 4, 4, 8)
    """

    def __init__(
        self,
        source: str,
        target: str,
        first: int = 1,
        last: int = -1,
        layer: str | keras.layers.Layer | None = None,
        shortcut: bool | None = None,
    ):
        self.source = check_string("source", source)
        self.target = check_string("target", target)
        self.first = _check_step("first", first, source, target)
        self.last = _check_step("last", last, source, target)
        if (first > 0) == (last > 0) and first > last:
            raise ValueError(
                f"The transition {source!r} -> {target!r} exists at no step. Received: "
                f"first={first}, last={last}. Give a `last` of {first} or more."
            )
        if layer is not None and not isinstance(layer, keras.layers.Layer):
            check_one_of("layer", layer, (None, *BRANCHES))
        self.layer = layer
        self.shortcut = source == target
        if shortcut is not None:
            self.shortcut = check_flag("shortcut", shortcut)

    def range(self, steps: int) -> range:
        """Return the steps at which it exists, in a run of `steps` steps."""
        steps = check_size("steps", steps, MAX_STEPS)
        first, last = (
            step if step > 0 else steps + 1 + step for step in (self.first, self.last)
        )
        return range(max(first, 1), min(last, steps) + 1)

    def get_config(self) -> dict[str, Any]:
        layer = self.layer
        if isinstance(layer, keras.layers.Layer):
            layer = shared_config(layer)
        return {
            "source": self.source,
            "target": self.target,
            "first": self.first,
            "last": self.last,
            "layer": layer,
            "shortcut": self.shortcut,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transition":
        if isinstance(config["layer"], dict):
            layer = keras.saving.deserialize_keras_object(config["layer"])
            config = {**config, "layer": layer}
        return cls(**config)

    def __repr__(self) -> str:
        return (
            f"Transition({self.source!r}, {self.target!r}, first={self.first}, "
            f"last={self.last})"
        )


def _check_step(name, value, source, target):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ValueError(
            f"`{name}` must be an integer, the number of a step. Received: "
            f"{name}={value!r} (of type {type(value).__name__})."
        )
    if value == 0:
        cycle = " It would be a cycle in which no time passes." * (source == target)
        raise ValueError(
            f"The transition {source!r} -> {target!r} cannot exist at step 0, where "
            f"there is only the input.{cycle} Received: {name}=0. Steps count from 1, "
            "or from the end with -1."
        )
    return check_integer(name, value, -MAX_STEPS, maximum=MAX_STEPS)


def _check_count(name, value):
    return check_integer(name, value, 0, maximum=MAX_STEPS)


def resnet_transitions(
    states: list[str] | tuple[str, ...],
    unrolling: list[int] | tuple[int, ...],
) -> tuple[list[Transition], int]:
    """Return the transitions and steps of a state graph that is a residual network.

    Every state loops for some steps before it feeds the next one, so there is one
    residual block per step. In a longer run the first state loops longer.

    Args:
        states: Names of the states, from input to readout.
        unrolling: Number of times each state loops, 0 or more per state.

    Returns:
        `(transitions, steps)`, both arguments of `RecurrentGraph`.

    Raises:
        ValueError: If there is not one integer of 0 or more per state.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), ResNet as a transition
        matrix.

    Example:

    >>> blocked, steps = keras_recur.layers.resnet_transitions(["h1", "h2"], [10, 1])
    >>> steps
    12
    >>> blocked[0]
    Transition('h1', 'h1', first=1, last=-3)
    """
    states = check_sequence("states", states, check_string, 1)
    counts = check_sequence("unrolling", unrolling, _check_count)
    if len(counts) != len(states):
        raise ValueError(
            "`unrolling` must have one number of 0 or more for each state. Received"
            f": unrolling={unrolling!r} for {len(states)} states."
        )
    transitions = []
    end = sum(counts[1:]) + len(counts) - 1
    if counts[0]:
        transitions.append(Transition(states[0], states[0], 1, -1 - end))
    for before, name, count in zip(states, states[1:], counts[1:], strict=False):
        transitions.append(Transition(before, name, -end, -end))
        if count:
            transitions.append(Transition(name, name, 1 - end, count - end))
        end -= count + 1
    return transitions, sum(counts) + len(counts) - 1
