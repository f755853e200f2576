"""Copy a model with loops that are built for another number of iterations."""

import keras

from keras_recur._limits import MAX_STEPS, check_size
from keras_recur._validation import check_positive_int
from keras_recur.analysis._banks import rebuilt
from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock
from keras_recur.zoo.tying import assign


def rebuilt_for(model: keras.Model, iterations: int) -> keras.Model:
    """Return a copy of `model` whose loops are built for `iterations`."""
    check_positive_int("iterations", iterations)
    loops = []

    def change(layer):
        if not isinstance(layer, RecurrentGraph | SharedRecurrentBlock):
            return None
        graph = isinstance(layer, RecurrentGraph)
        tied = layer.endless if graph else layer.sharing == "all"
        if not tied:
            raise ValueError(
                "Only a loop with sharing='all' can be rebuilt for other iterations. "
                f"Received: iterations={iterations} for {layer.name!r} with sharing="
                f"{layer.sharing!r}."
            )
        if graph:
            check_size("iterations", iterations, MAX_STEPS)
        config = {**layer.get_config(), "steps" if graph else "iterations": iterations}
        loops.append((layer, type(layer).from_config(config)))
        return loops[-1][1]

    again = rebuilt(model, change)
    if not loops:
        raise ValueError(
            "`iterations` needs a SharedRecurrentBlock or RecurrentGraph in the graph "
            f"of the model or of a nested model. Received: iterations={iterations} for "
            f"{model.name!r}, which has none there."
        )
    for old, new in loops:
        for key, (block, row, _) in new.applications().items():
            source, source_row, _ = old.application(key)
            for weight, value in zip(block.weights, source.weights, strict=True):
                # New rows of weights per iteration are copies of the last row.
                same = weight.shape == value.shape
                assign(weight, value, None if same else (source_row, row))
    return again
