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
    """Share of examples that are right after each iteration, or F1.

    One long run is read out after every iteration. Hits are counted batch by batch and
    no output is kept, so memory does not grow with the data.

    Args:
        model: A model with a `SharedRecurrentBlock` and a `Readout`, as the zoo
            builds them.
        data: Batches `(x, y)`, as `data.load` gives them. An example is right if
            every position with a target of 0 or more is. Data whose `metric` is "f1"
            is scored by F1 of the positive positions of all examples.
        iterations: How far to run. Default: as the model was built. Untied weights
            cannot run further.
        on_batch: Called with the number of batches done, to show progress.

    Returns:
        Array of `iterations` scores, the first after one iteration.

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
    count = _f1 if getattr(data, "metric", None) == "f1" else _exact
    hits, total = 0, 0
    if not len(data):
        raise ValueError("`data` has no examples to score.")
    for i in range(len(data)):
        x, y = data[i]
        found = np.argmax(every.predict_on_batch(x), axis=-1)
        right, of = count(found, np.expand_dims(np.asarray(y), 1))
        hits, total = hits + right, total + of
        if on_batch:
            on_batch(i + 1)
    return np.asarray(hits) / np.maximum(total, 1)


def _exact(found, target):
    """Examples with every scored position right, after each iteration, of how many."""
    right = (found == target) | (target < 0)
    right = right.reshape(*right.shape[:2], -1).all(axis=-1)
    return right.sum(axis=0), len(right)


def _f1(found, target):
    """Twice the hits, and marked plus wanted positions: F1 is their ratio."""
    marked, wanted = (found > 0) & (target >= 0), target > 0
    places = tuple(axis for axis in range(marked.ndim) if axis != 1)
    hits = (marked & wanted).sum(axis=places)
    return 2 * hits, marked.sum(axis=places) + wanted.sum()
