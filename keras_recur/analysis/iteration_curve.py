"""Accuracy over the number of test-time iterations."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur._validation import check_callable, check_positive_int
from keras_recur.analysis._logits import AnswerLabels
from keras_recur.data._batches import batches
from keras_recur.inference._graph import graph_loops, has_loop
from keras_recur.inference.stepwise import Stepwise
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock
from keras_recur.layers._walk import walk


def iteration_curve(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Return the accuracy, or F1, after each iteration.

    One run is read out after each iteration. Memory does not grow with the data. It
    does not grow with the iterations either if they share their weights.

    Args:
        model: A model with a `SharedRecurrentBlock` or a `RecurrentGraph`, and a
            `Readout`, such as the models of the zoo.
        data: Batches `(x, y)`: the result of `data.load`, a `tf.data.Dataset`, a
            `DataLoader`, a `PyDataset`, a finite generator, a list of batches, or
            arrays `(x, y)`. `y` holds classes in the shape of the answers. An example
            is right if every position with a target of at least 0 is right. If the
            `metric` of the data is "f1", the score is F1 over all positions.
        iterations: Number of iterations to run. Defaults to `None` (the number the
            model was built with). Untied weights cannot run for more.
        on_batch: Function called with the number of finished batches, to show progress.
            Defaults to `None`.

    Returns:
        Array of `iterations` scores, the first after one iteration. Iterations without
        a readout, and iterations that a state graph cannot run, are NaN.

    Raises:
        ValueError: If data have no example, no end, or sample weights; if labels or
            outputs have an invalid form; or if the model cannot run for `iterations`.

    Reference:
        [Schwarzschild et al. 2021](https://arxiv.org/abs/2106.04537).

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20)
    >>> keras_recur.analysis.iteration_curve(pair.recurrent, test, 12).shape
    (12,)
    """
    if on_batch is not None:
        check_callable("on_batch", on_batch)
    return Readouts(model, iterations).score(data, on_batch)


class Readouts:
    """Readouts of a model after each iteration, compiled once for several data sets."""

    def __init__(self, model: keras.Model, iterations: int | None = None):
        self.labels = AnswerLabels(model)
        if iterations is not None:
            iterations = check_positive_int("iterations", iterations)
        graph = next(state_graphs(model), None)
        # Loops with shared weights keep only the state, so memory does not grow.
        self._steps = None if graph else _stepwise(model, iterations)
        self.endless = self._steps is not None
        if self._steps:
            self.iterations = self._steps.iterations
            self.filled = np.full(self.iterations, True)
            return
        self._one_run = graph is None or not graph.stretches
        if graph is None or self._one_run:
            every = with_iterations(model, iterations, readout="all", unroll=False)
            self.iterations = _answers(model, every, iterations)
            self._runs = [every]
            self.filled = np.array(_filled(graph, self.iterations))
            return
        # The longest run comes first, because only its failure is an error.
        self.iterations = iterations or graph.steps
        longest = with_iterations(model, self.iterations, readout="last")
        runs = [_shorter(model, n) for n in range(1, self.iterations)] + [longest]
        self._runs = [run for run in runs if run is not None]
        self.filled = np.array([run is not None for run in runs])

    def score(
        self, data: Any, on_batch: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Return the scores on a data set, as in `iteration_curve`."""
        count = counter(data)
        sums: Any = 0
        for i, (x, y) in enumerate(batches(data)):
            rows, target = [], None
            for found in self.answers(x):
                if target is None:
                    target = self.labels(x, y, found.shape)
                rows.append(count(found, target))
            sums = sums + np.array(rows)
            if on_batch:
                on_batch(i + 1)
        hits, total = sums.T
        scores = np.full(self.iterations, np.nan)
        scores[self.filled] = hits / np.maximum(total, 1)
        return scores

    def answers(self, x: Any) -> Iterator[np.ndarray]:
        """Yield the classes after each iteration that has a readout."""
        if self._steps is None:
            for run in self._runs:
                found = np.argmax(run.predict_on_batch(x), axis=-1)
                yield from (
                    found[:, self.filled].swapaxes(0, 1) if self._one_run else [found]
                )
            return
        steps = self._steps

        def classes(state, shown, start, iterations):
            state = steps.run_loop(state, shown, start, iterations)
            return state, ops.argmax(steps.run_head(state), axis=-1)

        state, shown, seed = steps.start(x)
        for t in range(self.iterations):
            run = steps.program("classes", classes, t, seed=seed)
            state, found = run(state, shown)
            yield np.asarray(ops.convert_to_numpy(found))


def _stepwise(model, iterations):
    """Return a `Stepwise` of the model, or `None` if it cannot run step by step."""
    loops = [la for la in model.layers if isinstance(la, SharedRecurrentBlock)]
    if not loops or not loops[-1].endless or any(map(has_loop, model.layers)):
        return None
    # If there are several loops, all of them run for the same number of iterations.
    return Stepwise(model if iterations is None else with_iterations(model, iterations))


def state_graphs(model: Any) -> Iterator[RecurrentGraph]:
    """Return the state graphs of a model, nested models included."""
    return (layer for layer in walk(model) if isinstance(layer, RecurrentGraph))


def _answers(model, every, iterations):
    """Return the number of iterations that `every` reads out, or raise an error."""
    shape = every.output_shape
    last = with_iterations(model, readout="last").output_shape
    if iterations is None:
        *_, loop = graph_loops(model)
        iterations = loop.steps if isinstance(loop, RecurrentGraph) else loop.iterations
    if shape != (last[0], iterations, *last[1:]):
        raise ValueError(
            "Scores over iterations need a model that can be read out at every one. "
            f"Received: {model.name!r}, whose loop is not followed by a Readout as the "
            "last layer. Put all layers after the loop into "
            "keras_recur.layers.Readout(head)."
        )
    return shape[1]


def _filled(graph, iterations):
    """Return whether the readout state holds a value after each iteration."""
    if graph is None:
        return [True] * iterations
    populated = graph.schedule(iterations, True).populated
    return [graph.readout in populated[n] for n in range(1, iterations + 1)]


def _shorter(model, iterations):
    """Return the model with fewer steps, or `None` if its graph cannot run them."""
    try:
        return with_iterations(model, iterations, readout="last")
    except ValueError:
        return None


def counter(data: Any) -> Callable[[Any, Any], Any]:
    """Return a function of answers and targets to the score's two counts."""
    return _f1 if getattr(data, "metric", None) == "f1" else _exact


def _exact(found, target):
    """Return the number of right examples, and of all examples."""
    right = right_answers(found, target)
    return right.sum(), len(right)


def right_answers(classes: Any, target: Any) -> Any:
    """Return whether each example is right in every position with a target >= 0."""
    return all_positions((classes == target) | (target < 0))


def all_positions(right: Any) -> Any:
    """Return whether all positions of each example are true."""
    return right.reshape(len(right), -1).all(axis=-1)


def _f1(found, target):
    """Return the numerator (2 TP) and the denominator (marked plus positive) of F1."""
    marked, wanted = (found > 0) & (target >= 0), target > 0
    return 2 * (marked & wanted).sum(), marked.sum() + wanted.sum()
