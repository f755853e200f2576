"""Run a loop far beyond its trained iterations."""

from typing import Any

import keras

from keras_recur._limits import MAX_ITERATIONS
from keras_recur._validation import check_positive_int
from keras_recur.analysis._logits import logits_shape
from keras_recur.inference.stepwise import Carried, Stepwise
from keras_recur.inference.stop_rule import StopRule
from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock
from keras_recur.layers._walk import loops_in

_CHANGE = StopRule("change")


def can_run_on(model: keras.Model) -> bool:
    """Return whether the model's last loop can run for any number of iterations."""
    loops = [la for la in model.layers if isinstance(la, SharedRecurrentBlock)]
    if not loops or any(isinstance(la, RecurrentGraph) for la in loops_in(model)):
        return False
    # A loop within another model is not run step by step.
    nested = any(
        isinstance(la, keras.Model) and any(loops_in(la)) for la in model.layers
    )
    return loops[-1].endless and not nested


def endless_steps(model: Any, purpose: str) -> Stepwise:
    """Return a `Stepwise` of a model with an endless loop, which `purpose` needs."""
    logits_shape(model)
    if any(isinstance(loop, RecurrentGraph) for loop in loops_in(model)):
        raise ValueError(
            f"{purpose} needs a model whose loop is a SharedRecurrentBlock. Received: "
            f"the `model` {model.name!r} with a RecurrentGraph, whose last steps "
            "differ from the others."
        )
    steps = Stepwise(model)
    if steps.max_iterations is not None:
        raise ValueError(
            f"{purpose} needs a loop whose weights allow any number of iterations. "
            f"Received: the `model` {model.name!r} with weights for "
            f"{steps.max_iterations} iterations. Use the recurrent network of the pair."
        )
    return steps


def trained_iterations(steps: Stepwise, iterations: Any, times: int = 1) -> int:
    """Return the checked number of iterations, which may run `times` as long."""
    if iterations is None:
        iterations = steps.iterations
    iterations = check_positive_int("iterations", iterations)
    if iterations * times > MAX_ITERATIONS:
        largest = f", and the largest of `multiples` {times:,}" if times > 1 else ""
        raise ValueError(
            f"The run must have at most {MAX_ITERATIONS:,} iterations. Received: "
            f"iterations={iterations:,}{largest}."
        )
    return iterations


class LongRun:
    """The compiled parts of a long run: an iteration, its change, and the answer."""

    def __init__(self, steps: Stepwise):
        self._steps = steps

    def start(self, x: Any) -> Carried:
        """Return the first state of a batch and the injected input."""
        first = self._steps.start(x)
        kinds = [str(leaf.dtype) for leaf in first.state]
        if not any("float" in kind for kind in kinds):
            raise ValueError(
                "The state must have a tensor of floats, whose change can be measured. "
                f"Received: a `model` with a state of {kinds}."
            )
        return first

    def advance(self, carried: Carried, number: int) -> Carried:
        """Run the iteration with that number, counted from 0."""
        return self._steps.advance(carried, number)

    def change(self, before: Carried, after: Carried) -> Any:
        """Return |after - before| / |after| per example, infinite if not finite."""

        def change(before, after):
            floats = self._steps.floats
            return _CHANGE.signal([], floats(before), floats(after), None)[0]

        return _numpy(self._steps.program("change", change)(before.state, after.state))

    def classes(self, carried: Carried) -> Any:
        """Return the classes that the model predicts from a state."""

        def classes(state):
            return keras.ops.argmax(self._steps.run_head(state), axis=-1)

        return _numpy(self._steps.program("classes of", classes)(carried.state))


def _numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)
