"""A copy of a model whose loops have rows of weights for another number of steps."""

import keras

from keras_recur._validation import check_positive_int
from keras_recur.analysis._banks import rebuilt
from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock
from keras_recur.zoo.tying import assign


def with_steps(model: keras.Model, steps: int) -> keras.Model:
    """The model anew, its loops built for `steps`, with copies of its weights.

    Weights with a row per step get more or fewer rows; new ones start as the last row
    that there was.
    """
    check_positive_int("steps", steps)
    loops = []

    def change(layer):
        if not isinstance(layer, RecurrentGraph | SharedRecurrentBlock):
            return None
        graph = isinstance(layer, RecurrentGraph)
        tied = layer.endless if graph else layer.sharing == "all"
        if not tied:
            raise ValueError(
                "Only weights that all steps share serve another number of steps. "
                f"Received: steps={steps} for {layer.name!r} with sharing="
                f"{layer.sharing!r}. Build it with sharing='all'."
            )
        config = {**layer.get_config(), "steps" if graph else "iterations": steps}
        loops.append((layer, type(layer).from_config(config)))
        return loops[-1][1]

    again = rebuilt(model, change)
    if not loops:
        raise ValueError(
            "`steps` needs a SharedRecurrentBlock or RecurrentGraph in the model's own "
            f"graph or in a nested model. Received: steps={steps} for {model.name!r}, "
            "which has none there."
        )
    for old, new in loops:
        for key, (block, row, _) in new.applications().items():
            source, source_row, _ = old.application(key)
            for weight, value in zip(block.weights, source.weights, strict=True):
                same = weight.shape == value.shape
                assign(weight, value, None if same else (source_row, row))
    return again
