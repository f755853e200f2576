"""What the families of state graphs have in common: their ends, and their states.

Reference: Liao and Poggio 2016 (arXiv:1604.03640): a pre-net of one 3x3 convolution, or
of three with normalization and ReLU between; a post-net of normalization, ReLU, global
average pooling and a dense layer.
"""

from typing import Any

import keras

from keras_recur._validation import check_one_of

NAMES = ("V1", "V2", "V4", "IT")
_BATCH_NORM: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-5}


def check_states(family: str, states: int, input_shape: tuple) -> None:
    """Raises for another number of states than 2 to 4, and for sizes too odd."""
    check_one_of("states", states, (2, 3, 4))
    step = 2 ** (states - 1)
    for size in input_shape[:-1]:
        if size is None or size % step:
            nearest = f" Nearest: {max(1, size // step) * step}." if size else ""
            raise ValueError(
                f"The sizes of {family} halve from state to state: with {states} "
                f"states they must be known multiples of {step}. Received: "
                f"input_shape={input_shape}.{nearest}"
            )


def refuse_rolled(family: str, unroll: bool) -> None:
    """Raises where a rolled loop is asked for: every step is another one."""
    if not unroll:
        raise ValueError(
            f"{family} is always unrolled: its steps evaluate different transitions. "
            "Received: unroll=False. Leave it out."
        )


def state_shapes(states: int, input_shape: tuple, width: int) -> dict[str, tuple]:
    """Half the size and twice the channels from each state to the next."""
    return {
        name: (*(size >> i for size in input_shape[:-1]), width << i)
        for i, name in enumerate(NAMES[:states])
    }


def pre_net(start, input_shape, width, convolutions=1):
    """From the input to the first state's value at step 0."""
    layers: list[Any] = [keras.Input(input_shape)]
    channels = input_shape[-1]
    for i in range(convolutions):
        if i:
            name = f"norm_{i}"
            layers.append(keras.layers.BatchNormalization(**_BATCH_NORM, name=name))
            layers.append(keras.layers.ReLU(name=f"relu_{i}"))
        kernel = start(9 * channels)["kernel_initializer"]
        layers.append(
            keras.layers.Conv2D(
                width,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer=kernel,
                name=f"conv_{i}",
            )
        )
        channels = width
    return keras.Sequential(layers, name="pre_net")


def post_net(start, states, num_classes):
    """From the state that is read out to logits."""
    channels = list(states.values())[-1][-1]
    return keras.Sequential(
        [
            keras.layers.BatchNormalization(**_BATCH_NORM, name="norm"),
            keras.layers.ReLU(name="relu"),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(
                num_classes,
                kernel_initializer=start(channels)["kernel_initializer"],
                name="classes",
            ),
        ],
        name="post_net",
    )
