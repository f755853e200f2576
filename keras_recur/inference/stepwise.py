"""Run a model iteration by iteration and keep only its state."""

import functools
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree

from keras_recur._limits import check_seed
from keras_recur._validation import check_integer, check_positive_int, check_type
from keras_recur.inference._compiled import compiled
from keras_recur.inference._graph import (
    draws_random_numbers,
    functional_copy,
    last_loop,
)
from keras_recur.layers import Readout
from keras_recur.layers._loop_masks import first_masks
from keras_recur.layers._masks import packed, unpacked
from keras_recur.layers._random import current_seed, draw_seed, seed_scope


class Carried(NamedTuple):
    """The tensors of the loop's state with their masks, and the injected input.

    `seed` is that of the run if the model draws random numbers, or else `None`.
    """

    state: list[Any]
    injected: list[Any]
    seed: Any = None


class Stepwise:
    """Run a model iteration by iteration, with constant memory.

    The last loop divides the model into stem, loop and head. `start` runs the stem,
    `advance` runs iterations of the loop, and `read` runs the head on the state.
    Tensors stay on the device between calls. Each part is compiled once (PyTorch runs
    it eagerly), but the loop once per iteration if the iterations differ in weights.

    Args:
        model: A Functional or Sequential model. Its last loop must be a
            `SharedRecurrentBlock`, and the head may read only the state of this loop.

    Attributes:
        random: Whether the model draws random first states or noise in inference.
        iterations: Number of iterations of the model.
        max_iterations: Number of iterations that its weights allow, `None` for any.

    Raises:
        ValueError: If the model has no such loop, has it in another model, calls it
            with a `start` other than 0, has a head that reads more than the state, or
            receives inputs with NaN.

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
        self.loop = last_loop(
            model,
            "Running iteration by iteration",
            " Use inference.with_iterations for state graphs, whose schedule depends "
            "on the number of steps.",
        )
        self._stem, self._head, call = _divided(model, self.loop)
        self._state = call["state"]
        self._noise = call["noise"]
        self._initial_state = call["initial_state"]
        self.random = draws_random_numbers(model)
        self.iterations = call["iterations"]
        self._endless = self.loop.endless
        self.max_iterations = None if self._endless else self.loop.iterations
        # Tensors with a mask: after the stem, and after any iteration.
        self._given = [mask is not None for mask in call["masks"]]
        self._slots = self.loop.mask_slots(call["masks"])
        layers = (self._stem, self.loop, self._head)
        # The parts may share layers, so remove duplicates.
        self.variables = list(
            {id(v): v for la in layers for v in la.variables}.values()
        )
        self._programs: dict[Any, Any] = {}

    def start(self, x: Any, seed: int | None = None) -> Carried:
        """Run the stem on a batch of inputs.

        The seed determines the random first state and the noise of all iterations, if
        the model has them. Defaults to a random one.
        """
        drawn = self.seed(seed)
        run = self.program("start", self.run_stem, seed=drawn)
        state, injected = run(as_tensors(x))
        return Carried(state, injected, drawn)

    def advance(self, carried: Carried, number: int, iterations: int = 1) -> Carried:
        """Run `iterations` iterations after the first `number` ones."""
        _check_carried(carried)
        number = check_integer("number", number, 0)
        iterations = check_positive_int("iterations", iterations)
        state, injected, seed = carried
        program = self.program("advance", self.run_loop, number, iterations, seed)
        return Carried(program(state, injected), injected, seed)

    def read(self, carried: Carried) -> Any:
        """Return the logits that the model predicts from this state."""
        _check_carried(carried)
        return self.program("read", self.run_head)(carried.state)

    def seed(self, seed: int | None = None) -> Any:
        """Return the seed of a run as a tensor, `None` for a model that needs none."""
        seed = check_seed(seed)
        if not self.random:
            return None
        if seed is None:
            return draw_seed(self.loop.seed_generator)
        return ops.convert_to_tensor(seed % 2**31, "int32")

    def program(self, name, function, number=None, iterations=1, seed=None):
        """Return the compiled function. With a `number`, it receives the iteration.

        With a `seed`, its loops draw their random numbers from it.
        """

        def drawing(seed, *tensors):
            with seed_scope(seed):
                return function(*tensors)

        def with_tensor(start, seed, *tensors):
            with seed_scope(seed):
                return function(*tensors, start, iterations)

        def with_number(seed, *tensors):
            with seed_scope(seed):
                return function(*tensors, number, iterations)

        if number is None:
            key, called = name, drawing
        elif self._endless:
            key, called = (name, iterations), with_tensor
        else:
            key, called = (name, iterations, number), with_number
        if key not in self._programs:
            self._programs[key] = compiled(called, self.variables)
        program = self._programs[key]
        if number is None or not self._endless:
            return functools.partial(program, seed)
        return functools.partial(program, ops.convert_to_tensor(number, "int32"), seed)

    def run_stem(self, x):
        """Return the first state and the injected input, without compiling."""
        with seed_scope(current_seed(), 1):  # 0 is for the last loop.
            leaves = tree.flatten(self._stem(x, training=False))
        count, given = len(self._slots), sum(self._given)
        state, masks = leaves[:count], leaves[count : count + given]
        injected = leaves[count + given :]
        state = unpacked(state, self._given, masks)
        if self.loop.injection and not injected:
            injected = state
        with seed_scope(current_seed()):
            first = self.loop.first_state(
                tree.pack_sequence_as(self._state, state), self._initial_state
            )
        state = tree.flatten(first)
        return [*state, *packed(state, self._slots)], injected

    def run_loop(self, state, injected, start, iterations):
        """Return the state after more iterations, without compiling."""
        # A tensor needs a branch for each possible value.
        if not self._endless and not isinstance(start, int):

            def branch(first):
                return lambda s, i: self.run_loop(s, i, first, iterations)

            starts = range(self.loop.iterations - iterations + 1)
            return ops.switch(start, [branch(s) for s in starts], state, injected)
        shown = None
        if injected:
            shown = tree.pack_sequence_as(self._state, list(injected))
        with seed_scope(current_seed()):
            state = self.loop(
                tree.pack_sequence_as(self._state, self._masked(state)),
                injected=shown,
                iterations=iterations,
                start=start,
                return_sequences=False,
                unroll=True,
                initial_state="input",
                noise=self._noise,
                training=False,
            )
        return [*tree.flatten(state), *packed(state, self._slots)]

    def run_head(self, state):
        """Return the prediction from the tensors of a state, without compiling."""
        state = self._masked(state)
        return self._head(state if len(state) > 1 else state[0], training=False)

    @property
    def num_tensors(self) -> int:
        """Number of tensors of a state, which its masks follow."""
        return len(self._slots)

    def tensors_read(self) -> list[int]:
        """Return which tensors of a state the head reads, by their places."""
        inputs, outputs = self._head.inputs, self._head.outputs

        def reads(tensor):
            rest = [other for other in inputs if other is not tensor]
            try:
                keras.Model(rest, outputs)
            except ValueError:
                return True
            return False

        if len(inputs) == 1:
            return [0]
        return [place for place, tensor in enumerate(inputs) if reads(tensor)]

    def floats(self, state: Any) -> list[Any]:
        """Return the floating tensors of a state, with zeros in padding."""
        found, masks = [], iter(list(state)[len(self._slots) :])
        for leaf, rank in zip(state, self._slots, strict=False):
            if rank:
                mask = next(masks)
                ones = (1,) * (len(leaf.shape) - rank)
                mask = ops.reshape(mask, (*ops.shape(mask), *ones))
                leaf = ops.where(mask, leaf, ops.zeros_like(leaf))
            if "float" in str(leaf.dtype):
                found.append(leaf)
        return found

    def _masked(self, state):
        """Return the state's tensors with the masks that follow them attached."""
        count = len(self._slots)
        return unpacked(list(state)[:count], self._slots, list(state)[count:])


def _check_carried(carried):
    check_type("carried", carried, Carried, "what `start` has returned")


def as_tensors(x: Any) -> Any:
    """Return inputs as tensors. Refuse NaN, which some layers turn into a number."""
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


def _divided(model, loop):
    """Return the models before and after the loop, and its call arguments."""
    found: dict[str, Any] = {}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if layer is loop:
            state, *others = args
            injected = others[0] if others else kwargs.get("injected")
            found["state"], found["injected"] = state, injected
            found["iterations"] = kwargs.get("iterations") or loop.iterations
            found["start"] = kwargs.get("start", 0)
            found["noise"] = kwargs.get("noise")
            found["initial_state"] = kwargs.get("initial_state")
            found["masks"] = first_masks(state, injected, kwargs.get("mask"))
            kwargs |= {"return_sequences": False, "progressive": False}
            found["result"] = layer(*args, **kwargs)
            return found["result"]
        if isinstance(layer, Readout):
            kwargs["readout"] = "last"
        return layer(*args, **kwargs)

    again = keras.models.clone_model(
        functional_copy(model), clone_function=lambda layer: layer, call_function=call
    )
    if not isinstance(found["start"], int) or found["start"]:
        raise ValueError(
            "A model that runs iteration by iteration needs a last loop that starts at "
            f"iteration 0. Received: {model.name!r}, which calls {loop.name!r} with "
            f"start={found['start']}. Give that call its own loop."
        )
    injected = [] if found["injected"] is None else tree.flatten(found["injected"])
    masks = [mask for mask in found["masks"] if mask is not None]
    outputs = [*tree.flatten(found["state"]), *masks, *injected]
    stem = keras.Model(again.input, outputs)
    leaves = tree.flatten(found["result"])
    try:
        head = keras.Model(leaves if len(leaves) > 1 else leaves[0], again.output)
    except ValueError as error:
        raise ValueError(
            "Layers after the loop may read its state only. Received: "
            f"{model.name!r}, in which a layer after {loop.name!r} reads something "
            "else too. Give the block that input by `injection`."
        ) from error
    return stem, head, found
