"""Run a model iteration by iteration, keeping nothing but the state."""

import functools
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree

from keras_recur._validation import check_integer, check_positive_int, check_type
from keras_recur.inference._compiled import compiled
from keras_recur.inference._graph import functional_copy
from keras_recur.layers import Readout, RecurrentGraph, SharedRecurrentBlock
from keras_recur.layers._masks import packed, unpacked


class Carried(NamedTuple):
    """State of a run between two iterations, as lists of tensors.

    Attributes:
        state: The leaves of the loop's state, and the masks of padding of those that
            have one.
        shown: Tensors that `injection` passes to the block at every iteration; empty
            without injection.
    """

    state: list[Any]
    shown: list[Any]


class Stepwise:
    """Run a model iteration by iteration in constant memory.

    The model is split at its last loop into three parts: the stem before the loop runs
    once, the loop runs as many iterations as requested, and the head after the loop
    reads the state on demand. Tensors stay on the device between calls. Each part is
    compiled once (PyTorch runs it eagerly). If all iterations share their weights, one
    compiled program serves every iteration; untied and grouped loops need one for each.

    Args:
        model: A Functional or Sequential model with a `SharedRecurrentBlock`, of which
            the last one is run. The layers after it may read its state only.

    Attributes:
        iterations: Number of iterations that the model itself runs.
        limit: Largest number of iterations that the weights allow, or `None` for any.

    Raises:
        ValueError: If the model has no such loop, has it within another model, or
            reads more than the state after the loop; if inputs contain NaN.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> steps = keras_recur.inference.Stepwise(pair.recurrent)
    >>> carried = steps.start(np.zeros((2, 16, 1), "float32"))
    >>> for t in range(100):
    ...     carried = steps.advance(carried, t)
    >>> steps.read(carried).shape
    (2, 16, 2)
    """

    def __init__(self, model: keras.Model):
        loops = [la for la in getattr(model, "layers", ()) if _is_loop(la)]
        if not loops or not isinstance(loops[-1], SharedRecurrentBlock):
            what = "a RecurrentGraph" if loops else "no loop among its layers"
            raise ValueError(
                "Running iteration by iteration needs a model with a "
                "SharedRecurrentBlock as its last loop, not within another model. "
                f"Received: {getattr(model, 'name', model)!r} with {what}. State "
                "graphs change their schedule with the number of steps: use "
                "inference.with_iterations."
            )
        self.loop = loops[-1]
        self._stem, self._head, call = _taken_apart(model, self.loop)
        self._state = call["state"]
        self.iterations = call["iterations"]
        self._endless = self.loop.endless
        self.limit = None if self._endless else self.loop.iterations
        # Which leaves have a mask: given by the layers before, or made by the block.
        self._given = [mask is not None for mask in call["masks"]]
        self._slots = self.loop.mask_slots(call["masks"])
        layers = (self._stem, self.loop, self._head)
        # By identity: parts may share layers.
        self.variables = list(
            {id(v): v for la in layers for v in la.variables}.values()
        )
        self._programs: dict[Any, Any] = {}

    def start(self, x: Any) -> Carried:
        """Run the stem on a batch of inputs."""
        x = as_tensors(x)
        return Carried(*self.program("start", self.apply_stem)(x))

    def advance(self, carried: Carried, number: int, iterations: int = 1) -> Carried:
        """Run more iterations, after the `number` of them that were run before."""
        check_type("carried", carried, Carried, "what `start` has returned")
        number = check_integer("number", number, 0)
        iterations = check_positive_int("iterations", iterations)
        state = self.program("advance", self.apply_loop, number, iterations)(*carried)
        return Carried(state, carried.shown)

    def read(self, carried: Carried) -> Any:
        """Return the logits that the head predicts from this state."""
        check_type("carried", carried, Carried, "what `start` has returned")
        return self.program("read", self.apply_head)(carried.state)

    def program(self, name, function, number=None, iterations=1):
        """Return a compiled function, bound to iteration `number` if that is given.

        Such a function takes its tensors, then the number, then `iterations`.
        """

        def with_tensor(start, *tensors):
            return function(*tensors, start, iterations)

        def with_number(*tensors):
            return function(*tensors, number, iterations)

        if number is None:
            key, told = name, function
        elif self._endless:
            key, told = (name, iterations), with_tensor
        else:
            key, told = (name, iterations, number), with_number
        if key not in self._programs:
            self._programs[key] = compiled(told, self.variables)
        program = self._programs[key]
        if number is None or not self._endless:
            return program
        return functools.partial(program, ops.convert_to_tensor(number, "int32"))

    def apply_stem(self, x):
        """Return the initial state and the injected tensors; not compiled."""
        leaves = tree.flatten(self._stem(x, training=False))
        count = len(self._slots)
        given = sum(self._given)
        state, masks, shown = (
            leaves[:count],
            leaves[count : count + given],
            leaves[count + given :],
        )
        state = unpacked(state, self._given, masks)
        if self.loop.injection and not shown:
            shown = state
        return [*state, *packed(state, self._slots)], shown

    def apply_loop(self, state, shown, start, iterations):
        """Return the leaves of the state after more iterations; not compiled.

        If `start` is a tensor, untied and grouped loops get one branch per iteration.
        """
        if not self._endless and not isinstance(start, int):

            def branch(first):
                return lambda state, shown: self.apply_loop(
                    state, shown, first, iterations
                )

            starts = range(self.loop.iterations - iterations + 1)
            return ops.switch(start, [branch(s) for s in starts], state, shown)
        shown = tree.pack_sequence_as(self._state, list(shown)) if shown else None
        state = self.loop(
            tree.pack_sequence_as(self._state, self._masked(state)),
            injected=shown,
            iterations=iterations,
            start=start,
            return_sequences=False,
            unroll=True,
            training=False,
        )
        return [*tree.flatten(state), *packed(state, self._slots)]

    def apply_head(self, state):
        """Return the prediction from the leaves of a state; not compiled."""
        state = self._masked(state)
        return self._head(state if len(state) > 1 else state[0], training=False)

    def _masked(self, state):
        """Return the leaves of a state with their masks attached."""
        count = len(self._slots)
        return unpacked(list(state)[:count], self._slots, list(state)[count:])


def as_tensors(x: Any) -> Any:
    """Return inputs as tensors, after checking them for NaN.

    Raises:
        ValueError: If there is a NaN, which some layers would turn into a number.
    """
    for leaf in tree.flatten(x):
        if _has_nan(leaf):
            raise ValueError(
                "`x` must not contain NaN. Received: inputs of shape "
                f"{tuple(ops.shape(leaf))} with NaN. Replace such values."
            )
    return tree.map_structure(ops.convert_to_tensor, x)


def _has_nan(x):
    array = isinstance(x, np.ndarray)
    x = x if array else ops.convert_to_tensor(x)
    if "float" not in str(x.dtype):
        return False
    try:
        return bool(np.isnan(x).any() if array else ops.any(ops.isnan(x)))
    except TypeError:  # A symbolic tensor has no value.
        return False


def _is_loop(layer):
    return isinstance(layer, RecurrentGraph | SharedRecurrentBlock)


def _taken_apart(model, loop):
    """Return the stem, the head, and the arguments of the call of the loop."""
    found: dict[str, Any] = {}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if layer is loop:
            state, *others = args
            found["state"] = state
            found["shown"] = others[0] if others else kwargs.get("injected")
            found["iterations"] = kwargs.get("iterations") or loop.iterations
            found["masks"] = loop.first_masks(state, found["shown"], kwargs.get("mask"))
            kwargs |= {"return_sequences": False, "progressive": False}
            found["after"] = layer(*args, **kwargs)
            return found["after"]
        if isinstance(layer, Readout):
            kwargs["readout"] = "last"
        return layer(*args, **kwargs)

    again = keras.models.clone_model(
        functional_copy(model), clone_function=lambda layer: layer, call_function=call
    )
    shown = [] if found["shown"] is None else tree.flatten(found["shown"])
    masks = [mask for mask in found["masks"] if mask is not None]
    before = keras.Model(again.input, [*tree.flatten(found["state"]), *masks, *shown])
    leaves = tree.flatten(found["after"])
    try:
        after = keras.Model(leaves if len(leaves) > 1 else leaves[0], again.output)
    except ValueError as error:
        raise ValueError(
            "Layers after the loop may read its state alone. Received: "
            f"{model.name!r}, in which a layer after {loop.name!r} also reads something "
            "else. Pass that input to the block by `injection`."
        ) from error
    return before, after, found
