"""Operations up to each iteration."""

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
    """Return MACs up to each iteration, one row per shape, NaN where not `filled`."""
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
