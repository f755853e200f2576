"""Run the last iterations of a model again, from states that were changed."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur.analysis._endless_steps import LongRun
from keras_recur.analysis._logits import AnswerLabels, logits_shape
from keras_recur.analysis._loop_states import LoopStates, sliced
from keras_recur.analysis.iteration_curve import right_answers
from keras_recur.inference.stepwise import Carried

_NUMBERS = 2**22  # Numbers of one state tensor that are run at once.


class Reruns:
    """Scores of a model whose state is changed after one of its iterations."""

    def __init__(self, model: keras.Model, iterations: int | None, purpose: str):
        logits_shape(model)
        self.states = LoopStates(model, iterations)
        if self.states.steps is None:
            raise ValueError(
                f"{purpose} needs a model whose loop is a SharedRecurrentBlock, which "
                f"runs on from any state. Received: the `model` {model.name!r} with a "
                "RecurrentGraph."
            )
        self.steps = self.states.steps
        self._run = LongRun(self.steps)
        self.last = self.states.iterations[-1]
        self._labels = AnswerLabels(model)

    def batches(self, x: Any, y: Any) -> Iterator[tuple[list[Carried], np.ndarray]]:
        """Yield the states after 0 to T iterations and the labels of each batch."""
        for part, labels in sliced((x, y)):
            run = [self.states.start(part)]
            for t in range(self.last):
                run.append(self.steps.advance(run[-1], t))
            shape = self._run.classes(run[-1]).shape
            yield run, self._labels(part, labels, shape)

    def right(self, carried: Carried, numbers: Any, target: np.ndarray) -> np.ndarray:
        """Run the iterations with these numbers, and return which answers are right.

        The state may hold several copies of the batch. The shape is
        `(copies, examples)`.
        """
        for number in numbers:
            carried = self.steps.advance(carried, number)
        found = self._run.classes(carried)
        copies = len(found) // len(target)
        found = found.reshape(copies, *target.shape)
        return np.stack([right_answers(one, target) for one in found])

    def without(self, carried: Carried, channels: list[int], other: Any) -> Carried:
        """Return copies of a batch, each with one channel replaced by that of `other`.

        `other` is a tensor with an axis of channels that is broadcast to the state.
        """
        place = self.states.place

        def without(state, injected, other, channels):
            leaf = state[place]
            count, size = ops.shape(channels)[0], leaf.shape[-1]
            ones = (1,) * (len(leaf.shape) - 1)
            chosen = ops.one_hot(channels, size, dtype="bool")
            chosen = ops.reshape(chosen, (count, *ones, size))
            copies = ops.where(chosen, ops.cast(other, leaf.dtype)[None], leaf[None])
            state = [_repeated(part, count) for part in state]
            state[place] = ops.reshape(copies, (-1, *leaf.shape[1:]))
            return state, [_repeated(part, count) for part in injected]

        program = self.steps.program("without", without)
        numbers = ops.convert_to_tensor(np.array(channels, "int32"))
        state, injected = program(carried.state, carried.injected, other, numbers)
        return carried._replace(state=state, injected=injected)

    def channel_groups(self, carried: Carried) -> list[list[int]]:
        """Return groups of equal size of all channels, small enough to run at once."""
        leaf = carried.state[self.states.place]
        channels = int(leaf.shape[-1])
        size = max(1, min(channels, _NUMBERS // int(np.prod(leaf.shape))))
        if self.steps.random:  # All copies need the random numbers of the batch.
            size = 1
        every = np.arange(-(-channels // size) * size) % channels
        return every.reshape(-1, size).tolist()


def _repeated(tensor, count):
    return ops.tile(tensor, (count, *(1,) * (len(tensor.shape) - 1)))
