"""Read the states of a loop after every iteration, for all analyses of features."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_recur._validation import check_positive_int
from keras_recur.analysis._logits import check_model
from keras_recur.data._batches import (
    BATCH_SIZE,
    batches,
    check_form,
    inputs,
    to_numpy,
)
from keras_recur.inference._graph import LOOPS, functional_copy
from keras_recur.inference.stepwise import Carried, Stepwise
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.layers import Readout, RecurrentGraph


class LoopStates:
    """The states of a model's last loop, from the first to that after T iterations.

    If the state is a nest, this is the tensor that the head reads (the last one if it
    reads several). A state graph has no states before its readout state is first
    reached.

    Attributes:
        iterations: Numbers of iterations after which there is a state.
        steps: The `Stepwise` of the model, `None` for a state graph.
        place: Which tensor of the state is read.
    """

    def __init__(self, model: Any, iterations: int | None = None):
        check_model(model)
        if iterations is not None:
            iterations = check_positive_int("iterations", iterations)
        if any(isinstance(layer, RecurrentGraph) for layer in model.layers):
            self.steps: Any = None
            self.place = 0
            self._run, self.iterations = _graph_run(model, iterations)
            return
        if iterations is not None:
            model = with_iterations(model, iterations)
        self.steps = Stepwise(model)
        self.place = self.steps.tensors_read()[-1]
        self.iterations = list(range(self.steps.iterations + 1))

    def each(self, x: Any) -> Iterator[np.ndarray]:
        """Yield the states of one batch, each of shape `(batch, ...)`."""
        if self.steps is None:
            found = to_numpy(self._run.predict_on_batch(x))
            yield from (found[:, number - 1] for number in self.iterations)
            return
        carried = self.start(x)
        yield self.tensor(carried)
        for t in range(self.iterations[-1]):
            carried = self.steps.advance(carried, t)
            yield self.tensor(carried)

    def read(
        self, x: Any, reduce: Callable[[np.ndarray], np.ndarray] = np.asarray
    ) -> np.ndarray:
        """Return the states of all examples, of shape `(states, examples, ...)`.

        `x` is a nest of arrays, such as that of `examples`. `reduce` is applied to each
        batch of states, to keep less of it in memory.
        """
        found = [np.stack([reduce(s) for s in self.each(part)]) for part in sliced(x)]
        return np.concatenate(found, axis=1)

    def start(self, x: Any) -> Carried:
        """Return the first state of a batch. Random ones are always the same."""
        return self.steps.start(x, seed=0)

    def tensor(self, carried: Carried) -> np.ndarray:
        """Return the tensor that the head reads as an array of float32."""
        leaf = carried.state[self.place]
        return ops.convert_to_numpy(ops.cast(leaf, "float32"))


def examples(
    data: Any, count: int, *models: Any, labels: bool = True, name: str = "data"
) -> tuple[Any, Any]:
    """Return the first `count` examples as arrays, fewer if there are not as many.

    `models` are those that must accept them. The labels are `None` without `labels`.
    `name` is that of the data in errors.
    """
    check_form(name, data)
    count = check_positive_int("num_examples", count)
    xs, ys, size = [], [], 0
    for batch in batches(data, "analyze") if labels else inputs(data):
        x, y = batch if labels else (batch, None)
        xs.append(x)
        ys.append(y)
        size += len(tree.flatten(x)[0])
        if size >= count:
            break
    x = tree.map_structure(lambda *parts: np.concatenate(parts)[:count], *xs)
    for model in models:
        _check_shape(model, x, name)
    return x, np.concatenate(ys)[:count] if labels else None


def _check_shape(model, x, name):
    """Raise for examples of another shape than that of a model's only input."""
    inputs, leaves = getattr(model, "inputs", ()), tree.flatten(x)
    if len(inputs) != 1 or len(leaves) != 1:
        return  # Keras names the input.
    wanted, given = tuple(inputs[0].shape[1:]), leaves[0].shape[1:]
    shapes = {given, (*given, 1), *((given[:-1],) if given[-1:] == (1,) else ())}
    if not any(_fits(shape, wanted) for shape in shapes):  # Keras adds an axis of 1.
        raise ValueError(
            f"`{name}` must have examples of the shape {wanted}, as the input of "
            f"{model.name!r}. Received: examples of the shape {given}."
        )


def _fits(shape, wanted):
    return len(shape) == len(wanted) and all(
        size in (None, found) for found, size in zip(shape, wanted, strict=True)
    )


def sliced(x: Any) -> Iterator[Any]:
    """Yield arrays of examples in batches of almost equal sizes: few are compiled."""
    count = len(tree.flatten(x)[0])
    ends = np.linspace(0, count, -(-count // BATCH_SIZE) + 1).astype(int)
    for first, end in zip(ends[:-1], ends[1:], strict=True):
        rows = slice(first, end)
        yield tree.map_structure(lambda part, rows=rows: part[rows], x)


def all_states(model: keras.Model, states: LoopStates) -> keras.Model:
    """Return a model from an input to all states, with an axis of iterations.

    The weights are those of `model`, and the place and number of the states are those
    of `states`.
    """
    loops = [la for la in model.layers if isinstance(la, LOOPS)]
    found, inputs = _every(model, loops[-1], states.iterations[-1])
    return keras.Model(inputs, tree.flatten(found)[states.place])


def _graph_run(model, iterations):
    """Return a model of all states of a state graph, and their numbers of steps."""
    graph = next(la for la in model.layers if isinstance(la, RecurrentGraph))
    steps = iterations or graph.steps
    found, inputs = _every(model, graph, steps)
    populated = graph.schedule(steps, True).populated
    numbers = [n for n in range(1, steps + 1) if graph.readout in populated[n]]
    return keras.Model(inputs, found), numbers


def _every(model, loop, count):
    """Return all states of a loop of `count` iterations, and the input, as tensors."""
    found = {}
    name = "steps" if isinstance(loop, RecurrentGraph) else "iterations"

    def call(layer, *args, **kwargs):
        if layer is loop:
            kwargs = {**kwargs, name: count, "return_sequences": True}
            found["states"] = layer(*args, **kwargs)
            kwargs["return_sequences"] = False
        elif isinstance(layer, Readout):
            kwargs = {**kwargs, "readout": "last"}
        return layer(*args, **kwargs)

    again = keras.models.clone_model(
        functional_copy(model), clone_function=lambda layer: layer, call_function=call
    )
    return found["states"], again.input
