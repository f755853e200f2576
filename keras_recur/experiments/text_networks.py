"""Networks of nearly equal size for the experiment `text`."""

from typing import Any

import keras

from keras_recur import zoo
from keras_recur.zoo.costs import trainable_parameters

NETWORKS = ("graph", "gru")


def text_network(name: str, model: dict[str, Any], seed: int) -> keras.Model:
    """Return the state graph, or a GRU model with about as many parameters."""
    graph = zoo.build("frnn_text", seed=seed, readout="all", **model).recurrent
    if name == "graph":
        return graph
    letters, width = graph.output_shape[-1], graph.get_layer("embedding").output_dim
    units = gru_units(trainable_parameters(graph), letters, width)
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(graph.input_shape[1:], dtype="int32"),
            keras.layers.Embedding(letters, width, name="embedding"),
            keras.layers.GRU(units, return_sequences=True, name="gru"),
            keras.layers.Dense(letters, name="characters"),
        ],
        name="gru",
    )


def gru_units(parameters: int, letters: int, width: int) -> int:
    """Return the number of GRU units that comes nearest to a parameter count."""
    units = 1
    while _gru_parameters(units + 1, letters, width) <= parameters:
        units += 1
    return min(
        (units, units + 1),
        key=lambda n: abs(_gru_parameters(n, letters, width) - parameters),
    )


def _gru_parameters(units, letters, width):
    # Three gates see the input and the state, with a bias for each.
    gates = 3 * units * (width + units + 2)
    return letters * width + gates + (units + 1) * letters
