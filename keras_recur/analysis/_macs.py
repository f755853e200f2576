"""What an answer costs that is read out earlier."""

from collections.abc import Iterable, Sequence

import keras
import numpy as np

from keras_recur.zoo.costs import costs
from keras_recur.zoo.with_iterations import with_iterations


def macs_over_iterations(
    model: keras.Model,
    filled: Iterable[bool],
    shapes: Sequence[tuple[int, ...]],
) -> np.ndarray:
    """MACs of one example up to each iteration, a row per shape of an example.

    `filled` says which iterations give something to read out; of others it is NaN.
    """
    filled = np.asarray(list(filled))
    found = np.full((len(shapes), len(filled)), np.nan)
    for n in np.flatnonzero(filled) + 1:
        run = with_iterations(model, int(n), readout="last")
        found[:, n - 1] = [costs(run, shape).macs for shape in shapes]
    return found
