"""Operations of an answer that is read out after fewer iterations."""

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
    """Return the MACs of one example up to each iteration, one row per shape.

    Args:
        model: A model with a loop and a readout.
        filled: Whether each iteration has a readout. MACs of others are NaN.
        shapes: Shapes of one example, nested if the model has several inputs.
    """
    filled = np.asarray(list(filled))
    found = np.full((len(shapes), len(filled)), np.nan)

    def after(n):
        run = with_iterations(model, int(n), readout="last")
        return np.array([costs(run, shape).macs for shape in shapes])

    numbers = np.flatnonzero(filled) + 1
    if len(numbers) > 2 and not any(state_graphs(model)):
        # All iterations cost the same.
        first, second = after(1)[:, None], after(2)[:, None]
        return first + (second - first) * (numbers - 1.0)
    for n in numbers:
        found[:, n - 1] = after(n)
    return found
