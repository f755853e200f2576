"""What an answer costs that is read out earlier."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from keras_recur.analysis.iteration_curve import state_graphs
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.zoo.costs import costs


def macs_over_iterations(
    model: keras.Model,
    filled: Iterable[bool],
    shapes: Sequence[Any],
) -> np.ndarray:
    """MACs of one example up to each iteration, a row per shape of an example.

    `filled` says which iterations give something to read out; of others it is NaN.
    The shape of an example is a nest of shapes, where the model has several inputs.
    """
    filled = np.asarray(list(filled))
    found = np.full((len(shapes), len(filled)), np.nan)

    def after(n):
        run = with_iterations(model, int(n), readout="last")
        return np.array([costs(run, shape).macs for shape in shapes])

    numbers = np.flatnonzero(filled) + 1
    if len(numbers) > 2 and not any(state_graphs(model)):
        # One iteration costs as much as another.
        first, second = after(1)[:, None], after(2)[:, None]
        return first + (second - first) * (numbers - 1.0)
    for n in numbers:
        found[:, n - 1] = after(n)
    return found
