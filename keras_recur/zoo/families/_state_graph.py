"""Parts of state graphs, from Liao and Poggio 2016 (arXiv:1604.03640)."""

from typing import Any

import keras

from keras_recur.zoo.families import _parts

NAMES = ("V1", "V2", "V4", "IT")
AFFINE = (None, "shared", "per_iteration")
CHOICES = {
    "graph": ("full", "adjacent"),
    "merge": ("mean", "declared_mean", "sum"),
    "affine": AFFINE,
}


def check_loop(family, templates, unroll):
    """Raise for loop arguments that `RecurrentGraph` does not have."""
    if not unroll:
        raise ValueError(
            f"{family} is always unrolled, because its steps evaluate different "
            "transitions. Received: unroll=False. Leave it out."
        )
    if templates is not None:
        raise ValueError(
            f"{family} has no template banks. Received: templates={templates}. Leave "
            "it out."
        )


def check_input_size(family, states, input_shape):
    """Raise for sizes that cannot be halved from each state to the next."""
    step = 2 ** (states - 1)
    for size in input_shape[:-1]:
        if size is None or size % step:
            nearest = f" Nearest: {max(1, size // step) * step}." if size else ""
            raise ValueError(
                f"The sizes of {family} halve from state to state. With {states} "
                f"states, they must be known multiples of {step}. Received: "
                f"input_shape={input_shape}.{nearest}"
            )


def state_shapes(states: int, input_shape: tuple, width: int) -> dict[str, tuple]:
    """Return shapes with half the size and twice the channels for each next state."""
    return {
        name: (*(size >> i for size in input_shape[:-1]), width << i)
        for i, name in enumerate(NAMES[:states])
    }


def graph_arguments(initializers, readout, remat) -> dict[str, Any]:
    """Return the arguments of `RecurrentGraph` that are the same for all families."""
    return {
        "kernel_initializer": initializers.kernel_initializer(),
        "return_sequences": readout == "all",
        "remat": remat,
        "seed": initializers.draw_seed(),
        "name": "graph",
    }


def pre_net(initializers, input_shape, width, convolutions=1):
    """Return the network from the input to the first state at step 0."""
    layers: list[Any] = [keras.Input(input_shape)]
    channels = input_shape[-1]
    for i in range(convolutions):
        if i:
            layers.append(_parts.batch_norm(f"norm_{i}"))
            layers.append(keras.layers.ReLU(name=f"relu_{i}"))
        layers.append(_parts.conv(initializers, f"conv_{i}", channels, width))
        channels = width
    return keras.Sequential(layers, name="pre_net")


def post_net(initializers, states, num_classes):
    """Return the network from the last state to logits."""
    return _parts.classifier(
        initializers,
        list(states.values())[-1][-1],
        num_classes,
        _parts.batch_norm("norm"),
        keras.layers.ReLU(name="relu"),
        bias=False,
        name="post_net",
    )
