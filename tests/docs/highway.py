"""Highway networks, in which a gate decides how much of each unit is new.

Reference: Srivastava et al. 2015, "Highway Networks" (arXiv:1505.00387): y = H(x) T(x)
+ x (1 - T(x)). The bias of the gate T starts below 0, so that most of the input passes
at first. Every layer of the paper has separate weights, as in the feed-forward twin.
"""

import math

import keras

from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.zoo import register_family


@register_family(
    name="highway",
    summary="Highway network with one iterated, gated dense layer.",
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
    initializers,
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
    def dense(name, units, activation=None, fan_in=width, **options):
        options = {**initializers(fan_in), **options}
        return keras.layers.Dense(units, activation, **options, name=name)

    state = keras.Input((width,))
    new = dense("new", width, "relu")(state)
    bias = keras.initializers.Constant(gate_bias)
    gate = dense("gate", width, "sigmoid", bias_initializer=bias)(state)
    difference = keras.layers.Subtract(name="difference")([new, state])
    step = keras.layers.Multiply(name="step")([gate, difference])
    next_state = keras.layers.Add(name="next_state")([state, step])
    loop = SharedRecurrentBlock(
        keras.Model(state, next_state, name="block"),
        iterations,
        sharing,
        return_sequences=readout == "all",
        seed=initializers.draw_seed(),
        name="recurrent",
        **loop,
    )
    first = dense("first", width, "relu", fan_in=math.prod(input_shape))
    head = dense("head", num_classes)

    # Graph
    inputs = keras.Input(input_shape)
    x = loop(first(keras.layers.Flatten(name="flatten")(inputs)))
    outputs = Readout(head, readout, name="readout")(x)

    # Model
    return keras.Model(inputs, outputs, name="highway")
