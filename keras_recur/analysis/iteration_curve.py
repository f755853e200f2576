"""Accuracy over the number of iterations at test time.

Reference: Schwarzschild et al. 2021, "Can You Learn an Algorithm?" (arXiv:2106.04537),
whose figures show accuracy over test-time iterations with the training regime shaded.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur._validation import check_callable, check_positive_int
from keras_recur.analysis._logits import AnswerLabels
from keras_recur.data._batches import batches
from keras_recur.inference._graph import has_loop, loops_in
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
    """Share of examples that are right after each iteration, or F1.

    One long run is read out after every iteration; where a state graph has another
    schedule for every number of steps, there is a run for each. Hits are counted batch
    by batch, and where all iterations share their weights, iteration by iteration: no
    output is kept, and memory grows neither with the data nor with the iterations.

    Args:
        model: A model with a `SharedRecurrentBlock` or a `RecurrentGraph`, and a
            `Readout`, as the zoo builds them.
        data: Batches `(x, y)` in any form that `model.fit` takes: what `data.load`
            returns, a `tf.data.Dataset`, a `DataLoader`, a `PyDataset`, a generator
            that ends; or a list of batches, or arrays `(x, y)`. `y` are class numbers
            of the answers' shape. An example is right if every position with a target
            of 0 or more is. Data whose `metric` is "f1" is scored by F1 of the
            positive positions of all examples.
        iterations: How far to run. Default: as the model was built. Untied weights
            cannot run further.
        on_batch: Called with the number of batches done, to show progress.

    Returns:
        Array of `iterations` scores, the first after one iteration; NaN after those
        that give nothing to read out, or that a state graph cannot run.

    Raises:
        ValueError: for data without an example, without an end or with weights,
            labels of another shape or above the classes, a model with several outputs
            or a single logit, and as `inference.with_iterations`.

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
    """What `iteration_curve` runs; compiled once, it scores several data sets.

    Loops whose iterations share their weights are run iteration by iteration, with
    nothing kept but the state: any number of them takes the memory of one. Others can
    run no more iterations than they have weights, and return them all at once.

    Args:
        model: As for `iteration_curve`.
        iterations: As for `iteration_curve`.

    Attributes:
        iterations: How many scores there are.
        filled: Which of the iterations give something to read out.
        endless: Whether any number of iterations could be run, one like the other.
        labels: The `AnswerLabels` of the model.
    """

    def __init__(self, model: keras.Model, iterations: int | None = None):
        self.labels = AnswerLabels(model)
        if iterations is not None:
            iterations = check_positive_int("iterations", iterations)
        graph = next(state_graphs(model), None)
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
        """Classes, after one iteration after another that has some."""
        if self._steps is None:
            for run in self._runs:
                found = np.argmax(run.predict_on_batch(x), axis=-1)
                yield from (
                    found[:, self.filled].swapaxes(0, 1) if self._one_run else [found]
                )
            return
        steps = self._steps

        def classes(state, shown, start, iterations):
            state = steps.apply_loop(state, shown, start, iterations)
            return state, ops.argmax(steps.apply_head(state), axis=-1)

        state, shown = steps.start(x)
        for t in range(self.iterations):
            state, found = steps.program("classes", classes, t)(state, shown)
            yield np.asarray(ops.convert_to_numpy(found))


def _stepwise(model, iterations):
    """The model, to be run iteration by iteration, or `None` where it cannot be."""
    loops = [la for la in model.layers if isinstance(la, SharedRecurrentBlock)]
    if not loops or not loops[-1].endless or any(map(has_loop, model.layers)):
        return None
    # Where there are several loops, all of them run for so many iterations.
    return Stepwise(model if iterations is None else with_iterations(model, iterations))


def state_graphs(model: Any) -> Iterator[RecurrentGraph]:
    """The state graphs of a model, those in nested models included."""
    return (layer for layer in walk(model) if isinstance(layer, RecurrentGraph))


def _answers(model, every, iterations):
    """How many iterations a model answers at, whose readout was asked for at all."""
    shape = every.output_shape
    last = with_iterations(model, readout="last").output_shape
    if iterations is None:
        *_, loop = loops_in(model)
        iterations = loop.steps if isinstance(loop, RecurrentGraph) else loop.iterations
    if shape != (last[0], iterations, *last[1:]):
        raise ValueError(
            "Scores over iterations need a model that can be read out at every one. "
            f"Received: {model.name!r}, whose loop is not followed by a Readout as the "
            "last layer. Put all that follows the loop into "
            "keras_recur.layers.Readout(head)."
        )
    return shape[1]


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
    """Examples with every scored position right, of how many."""
    right = right_answers(found, target)
    return right.sum(), len(right)


def right_answers(classes: Any, target: Any) -> Any:
    """Whether an example is right: in every position with a target of 0 or more."""
    return all_positions((classes == target) | (target < 0))


def all_positions(right: Any) -> Any:
    """Whether it is so in every position of an example."""
    return right.reshape(len(right), -1).all(axis=-1)


def _f1(found, target):
    """Twice the hits, and marked plus wanted positions: F1 is their ratio."""
    marked, wanted = (found > 0) & (target >= 0), target > 0
    return 2 * (marked & wanted).sum(), marked.sum() + wanted.sum()
