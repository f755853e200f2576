"""A model that is trained from states in which its loop ended before."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import tree

from keras_recur._limits import check_size
from keras_recur._validation import check_positive_int, check_sequence
from keras_recur.inference._graph import check_readout, functional_copy, last_loop
from keras_recur.layers import Readout, SharedRecurrentBlock, StateReplay


def with_state_replay(
    model: keras.Model,
    batch_size: int,
    window: int | None = 1,
    input_shapes: Sequence[Any] | None = None,
) -> keras.Model:
    """Return a model on the same layers whose loop goes on from earlier states.

    Train the returned model on `ReplayedData`; the weights are those of `model`. The
    stored states are weights of the returned model that are not trained.
    `training.fit` does all this with `Recipe(replay=...)`.

    Args:
        model: A Functional or Sequential model with a `Readout`. Its last loop must be
            a `SharedRecurrentBlock` that sees the input at every iteration: by
            `injection`, or in a tensor of the state that the block returns unchanged.
        batch_size: Largest number of rows of a batch. Positive integer.
        window: Number of last iterations that are read out; `None` reads out all.
            Defaults to `1`.
        input_shapes: For inputs of several or unknown sizes: list with the shape of
            the input, without the batch, for each size. Defaults to the model's.

    Returns:
        A model from `(x, carried)`, with `x` in the structure of `model.input` and
        `carried` of shape `(batch,)`, to logits of shape
        `(batch, window, ..., classes)`. In inference it stores no states.

    Raises:
        ValueError: If the model has no such loop or no `Readout`, an argument is
            invalid, or the size of the input is unknown.

    Reference:
        [Anil et al. 2022](https://arxiv.org/abs/2211.09961), path independence.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "deep_thinking_1d", width=8, iterations=4, injection="concat"
    ... )
    >>> trained = keras_recur.training.with_state_replay(
    ...     pair.recurrent, batch_size=50, window=2, input_shapes=[(16, 1)]
    ... )
    >>> trained.compile("adam", keras_recur.losses.IterationLoss("uniform"))
    >>> data = keras_recur.data.load(
    ...     "prefix_sums", batch_size=50, size=16, num_examples=200
    ... )
    >>> replayed = keras_recur.training.ReplayedData(data, first_step=2)
    >>> history = trained.fit(replayed, epochs=2, verbose=0)
    """
    graph = functional_copy(model)
    loop = _loop(graph)
    check_readout(graph, "State replay")
    if window is not None:
        window = check_positive_int("window", window)
        if window > loop.iterations:
            raise ValueError(
                f"`window` can be at most the number of iterations, {loop.iterations}. "
                f"Received: window={window}."
            )
    fixed = _passed_on(loop)
    carried = keras.Input((), dtype="bool", name="carried")
    x = tree.map_structure(
        lambda leaf: keras.Input(leaf.shape[1:], dtype=leaf.dtype, name=leaf.name),
        graph.input,
    )
    found: list[StateReplay] = []

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, Readout):
            kwargs["readout"] = "all"
        if layer is not loop:
            return layer(*args, **kwargs)
        if found:
            raise ValueError(
                "State replay needs a loop that is called once. Received: "
                f"{model.name!r}, which calls {loop.name!r} several times."
            )
        first, *rest = args
        if loop.injection and not rest and kwargs.get("injected") is None:
            kwargs["injected"] = first
        if loop.initial_state != "input":
            first = _FirstState(loop, dtype=loop.dtype_policy)(first)
        shapes = _state_shapes(x, _others(first, fixed), input_shapes)
        replay = StateReplay(batch_size, shapes, dtype=loop.dtype_policy, name="replay")
        found.append(replay)

        def replayed(nest, *args, **kwargs):
            moving = iter(replay(_others(nest, fixed), *args, **kwargs))
            leaves = enumerate(tree.flatten(nest))
            leaves = [leaf if i in fixed else next(moving) for i, leaf in leaves]
            return tree.pack_sequence_as(nest, leaves)

        kwargs |= {"return_sequences": True, "initial_state": "input"}
        states = loop(replayed(first, carried), *rest, **kwargs)
        states = replayed(states, sequence=True)
        if window is None:
            return states
        first_read = -window
        return tree.map_structure(lambda leaf: leaf[:, first_read:], states)

    return keras.models.clone_model(
        keras.Model([graph.input, carried], graph.output, name=graph.name),
        input_tensors=[x, carried],
        clone_function=lambda layer: layer,
        call_function=call,
    )


class _FirstState(keras.layers.Layer):
    """Return the state from which a call of a loop starts."""

    def __init__(self, loop: SharedRecurrentBlock, **kwargs: Any):
        super().__init__(**kwargs)
        self._first_state = loop.first_state  # Keras tracks the loop elsewhere.

    def call(self, x):
        return self._first_state(x)

    def compute_output_spec(self, x):
        return tree.map_structure(lambda s: keras.KerasTensor(s.shape, s.dtype), x)


def _loop(model):
    """Return the last loop of a model, which must be able to go on."""
    loop = last_loop(model, "State replay")
    if loop.injection is None and not _passed_on(loop):
        raise ValueError(
            "State replay needs a loop that sees its input at every iteration, or a "
            "state of another example would hide the new one. Received: "
            f"{model.name!r} with injection=None. Build it with injection='concat' or "
            "'add'."
        )
    return loop


def _passed_on(loop):
    """Return the numbers of state tensors that the block returns unchanged."""
    block = loop.block
    if not isinstance(block, keras.Model) or not hasattr(block, "operations"):
        return set()
    pairs = zip(tree.flatten(block.input), tree.flatten(block.output), strict=False)
    return {i for i, (before, after) in enumerate(pairs) if before is after}


def _others(nest, numbers):
    """Return the tensors of a nest but those with these numbers."""
    return [leaf for i, leaf in enumerate(tree.flatten(nest)) if i not in numbers]


def _state_shapes(x, moving, input_shapes):
    """Return the shapes of the state's tensors for each input shape."""
    if input_shapes is None:
        return None
    stem = keras.Model(x, moving)
    found = []
    for shape in check_sequence("input_shapes", input_shapes, _check_shape, minimum=1):
        dtypes = iter([leaf.dtype for leaf in tree.flatten(x)])
        given = tree.map_shape_structure(
            lambda sizes, dtypes=dtypes: keras.KerasTensor((1, *sizes), next(dtypes)),
            shape,
        )
        specs = tree.flatten(stem.compute_output_spec(given))
        found.append([tuple(spec.shape[1:]) for spec in specs])
    return found


def _check_shape(name, value):
    """Check the shape of an input, or of a nest of inputs, without the batch."""
    if not isinstance(value, list | tuple | dict) or not tree.flatten(value):
        raise ValueError(f"`{name}` must be a shape. Received: {name}={value!r}.")
    for size in tree.flatten(value):
        check_size(name, size)
    return value
