"""Accuracy over the number of iterations at test time.

Reference: Schwarzschild et al. 2021, "Can You Learn an Algorithm?" (arXiv:2106.04537),
whose figures show accuracy over test-time iterations with the training regime shaded.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_recur.zoo.with_iterations import with_iterations


def iteration_curve(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Share of examples that are right after each iteration.

    One long run is read out after every iteration. Hits are counted batch by batch and
    no output is kept, so memory does not grow with the data.

    Args:
        model: A model with a `SharedRecurrentBlock` and a `Readout`, as the zoo
            builds them.
        data: Batches `(x, y)`, as `data.load` gives them. An example is right if
            every position with a target of 0 or more is.
        iterations: How far to run. Default: as the model was built. Untied weights
            cannot run further.
        on_batch: Called with the number of batches done, to show progress.

    Returns:
        Array of `iterations` shares, the first after one iteration.

    Raises:
        ValueError: for data without an example, and as `zoo.with_iterations`.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20)
    >>> keras_recur.analysis.iteration_curve(pair.recurrent, test, 12).shape
    (12,)
    """
    every = with_iterations(model, iterations, readout="all", unroll=False)
    return score_readouts(every, data, on_batch)


def score_readouts(
    every: keras.Model, data: Any, on_batch: Callable[[int], None] | None = None
) -> np.ndarray:
    """`iteration_curve` of a model that already returns every readout.

    Compiled once, it can score several data sets.
    """
    hits, total = 0, 0
    for i in range(len(data)):
        x, y = data[i]
        found = np.argmax(every.predict_on_batch(x), axis=-1)
        target = np.expand_dims(np.asarray(y), 1)
        right = (found == target) | (target < 0)
        right = right.reshape(*right.shape[:2], -1).all(axis=-1)
        hits = hits + right.sum(axis=0)
        total += len(right)
        if on_batch:
            on_batch(i + 1)
    if not total:
        raise ValueError("`data` has no examples to score.")
    return np.asarray(hits) / total
