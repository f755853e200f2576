"""Highway networks: a learned gate mixes a new value with the old one.

Reference: Srivastava et al. 2015, "Highway Networks" (arXiv:1505.00387): y = H(x) T(x)
+ x (1 - T(x)). The bias of the gate T starts below 0, so most of x passes at first. In
the paper every layer has separate weights, as in the feed-forward twin.
"""

import math

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo.family import register


@register(
    name="highway",
    summary="Highway network: one gated dense layer, iterated.",
    shares="one Dense layer with ReLU, and the Dense layer that is its gate",
    paper="Srivastava et al. 2015, arXiv:1505.00387",
    defaults={
        "input_shape": (28, 28, 1),
        "num_classes": 10,
        "width": 50,
        "iterations": 9,
        "gate_bias": -1.0,
    },
)
def highway(
    start,
    *,
    input_shape,
    num_classes,
    width,
    iterations,
    gate_bias,
    sharing,
    readout,
    **loop,
):
    # Layers
    state = keras.Input((width,))
    new = keras.layers.Dense(width, "relu", **start(width), name="new")(state)
    values = {
        **start(width),
        "bias_initializer": keras.initializers.Constant(gate_bias),
    }
    gate = keras.layers.Dense(width, "sigmoid", **values, name="gate")(state)
    difference = keras.layers.Subtract(name="difference")([new, state])
    step = keras.layers.Multiply(name="step")([gate, difference])
    passed_on = keras.layers.Add(name="passed_on")([state, step])
    loop = SharedRecurrentBlock(
        keras.Model(state, passed_on, name="block"),
        iterations,
        sharing,
        return_sequences=readout == "all",
        seed=start.draw_seed(),
        name="recurrent",
        **loop,
    )
    first = keras.layers.Dense(
        width, "relu", **start(math.prod(input_shape)), name="first"
    )
    head = keras.layers.Dense(num_classes, **start(width), name="head")

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(first(keras.layers.Flatten(name="flatten")(inputs)))
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    return keras.Model(inputs, outputs, name="highway")
