"""Accuracy over the number of iterations at test time.

Reference: Schwarzschild et al. 2021, "Can You Learn an Algorithm?" (arXiv:2106.04537),
whose figures show accuracy over test-time iterations with the training regime shaded.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_recur.layers import RecurrentGraph
from keras_recur.zoo.with_iterations import with_iterations


def iteration_curve(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Share of examples that are right after each iteration, or F1.

    One long run is read out after every iteration; where a state graph has another
    schedule for every number of steps, there is a run for each. Hits are counted batch
    by batch and no output is kept, so memory does not grow with the data.

    Args:
        model: A model with a `SharedRecurrentBlock` or a `RecurrentGraph`, and a
            `Readout`, as the zoo builds them.
        data: Batches `(x, y)`, as `data.load` gives them. An example is right if
            every position with a target of 0 or more is. Data whose `metric` is "f1"
            is scored by F1 of the positive positions of all examples.
        iterations: How far to run. Default: as the model was built. Untied weights
            cannot run further.
        on_batch: Called with the number of batches done, to show progress.

    Returns:
        Array of `iterations` scores, the first after one iteration; NaN after those
        that give nothing to read out, or that a state graph cannot run.

    Raises:
        ValueError: for data without an example, and as `zoo.with_iterations`.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20)
    >>> keras_recur.analysis.iteration_curve(pair.recurrent, test, 12).shape
    (12,)
    """
    return Readouts(model, iterations).score(data, on_batch)


class Readouts:
    """What `iteration_curve` runs; compiled once, it scores several data sets.

    Args:
        model: As for `iteration_curve`.
        iterations: As for `iteration_curve`.

    Attributes:
        iterations: How many scores there are.
        filled: Which of the iterations give something to read out.
    """

    def __init__(self, model: keras.Model, iterations: int | None = None):
        graph = next(_graphs(model), None)
        self._one_run = graph is None or not graph.stretches
        if graph is None or self._one_run:
            every = with_iterations(model, iterations, readout="all", unroll=False)
            self.iterations = every.output_shape[1]
            self._runs = [every]
            self.filled = np.array(_filled(graph, self.iterations))
            return
        # The longest first: where that cannot be run, it is an error.
        self.iterations = iterations or graph.steps
        longest = with_iterations(model, self.iterations, readout="last")
        runs = [_shorter(model, n) for n in range(1, self.iterations)] + [longest]
        self._runs = [run for run in runs if run is not None]
        self.filled = np.array([run is not None for run in runs])

    def score(
        self, data: Any, on_batch: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """The scores on a data set, as `iteration_curve` returns them."""
        count = _f1 if getattr(data, "metric", None) == "f1" else _exact
        hits, total = 0, 0
        if not len(data):
            raise ValueError("`data` has no examples to score.")
        for i in range(len(data)):
            x, y = data[i]
            right, of = count(self.answers(x), np.expand_dims(np.asarray(y), 1))
            hits, total = hits + right, total + of
            if on_batch:
                on_batch(i + 1)
        scores = np.full(self.iterations, np.nan)
        scores[self.filled] = np.asarray(hits) / np.maximum(total, 1)
        return scores

    def answers(self, x: Any) -> np.ndarray:
        """Classes after each iteration that has some, on the axis behind the batch."""
        found = [np.argmax(r.predict_on_batch(x), axis=-1) for r in self._runs]
        return found[0][:, self.filled] if self._one_run else np.stack(found, axis=1)


def _graphs(model):
    for layer in model.layers:
        if isinstance(layer, RecurrentGraph):
            yield layer
        elif isinstance(layer, keras.Model):
            yield from _graphs(layer)


def _filled(graph, iterations):
    """After which iterations the state that is read out holds a value."""
    if graph is None:
        return [True] * iterations
    populated = graph.schedule(iterations, True).populated
    return [graph.readout in populated[n] for n in range(1, iterations + 1)]


def _shorter(model, iterations):
    """The model run for fewer steps, or `None` where its graph cannot."""
    try:
        return with_iterations(model, iterations, readout="last")
    except ValueError:
        return None


def _exact(found, target):
    """Examples with every scored position right, after each iteration, of how many."""
    right = all_positions((found == target) | (target < 0))
    return right.sum(axis=0), len(right)


def all_positions(right: Any) -> Any:
    """Whether it is so in every position of an example, after each iteration."""
    return right.reshape(*right.shape[:2], -1).all(axis=-1)


def _f1(found, target):
    """Twice the hits, and marked plus wanted positions: F1 is their ratio."""
    marked, wanted = (found > 0) & (target >= 0), target > 0
    places = tuple(axis for axis in range(marked.ndim) if axis != 1)
    hits = (marked & wanted).sum(axis=places)
    return 2 * hits, marked.sum(axis=places) + wanted.sum()
