"""A layer that starts a loop from states in which it ended before."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

from keras_recur._limits import check_size
from keras_recur._validation import check_sequence
from keras_recur.layers._graph_arguments import fits
from keras_recur.layers._input_dtypes import InputDtypes
from keras_recur.layers._loop_arguments import dtype_of
from keras_recur.layers._masks import attach, masks_of


@keras.saving.register_keras_serializable(package="keras_recur")
class StateReplay(InputDtypes):
    """Start some rows of a batch from the states in which they ended before.

    The layer is called twice in a graph: before the loop with a mask, where it replaces
    first states by stored ones, and after the loop without a mask, where it stores the
    last states. A loop that is trained in this way learns to reach the answer from
    states of any age, and stays there. `training.with_state_replay` adds the layer to a
    model, and `training.ReplayedData` makes the mask.

    States are stored in training only. Gradients stop at stored states. A stored state
    that is not finite is not used. A batch may have fewer than `batch_size` rows: the
    states of the missing rows stay stored.

    Args:
        batch_size: Largest number of rows. Positive integer.
        state_shapes: For inputs of several sizes: list with the shape of the state for
            each size, without the batch, or with one shape per tensor of a nest. States
            of each size are stored separately. Defaults to the shape of the first call.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        state: Tensor or nest of tensors of shape `(batch, ...)`; with `sequence=True`
            of shape `(batch, iterations, ...)`.
        carried: `True` for rows that start from the stored state, of shape `(batch,)`.
            Without it, the call stores `state` and returns it.
        sequence: Whether `state` has an axis of iterations, of which the last is
            stored. Defaults to `False`.
        training: Whether to store states.

    Output shape:
        The shape of `state`.

    Raises:
        ValueError: If an argument is invalid, the size of the state is unknown, or a
            state has another shape or more rows than the stored ones.

    Reference:
        [Mordvintsev et al. 2020](https://distill.pub/2020/growing-ca), the pool of
        states; [Anil et al. 2022](https://arxiv.org/abs/2211.09961), path independence.

    Example:

    >>> replay = keras_recur.layers.StateReplay(batch_size=2)
    >>> fresh, ended = np.zeros((2, 3)), np.ones((2, 3))
    >>> _ = replay(fresh, np.array([False, False]))
    >>> _ = replay(ended, training=True)
    >>> np.array(replay(fresh, np.array([True, False])))[:, 0].tolist()
    [1.0, 0.0]
    """

    def __init__(
        self,
        batch_size: int,
        state_shapes: Sequence[Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.batch_size = check_size("batch_size", batch_size)
        if state_shapes is not None:
            state_shapes = check_sequence(
                "state_shapes", state_shapes, _shapes, minimum=1
            )
        self.state_shapes = state_shapes
        self.supports_masking = True

    def build(self, state_shape, carried_shape=None):
        specs = tree.map_shape_structure(keras.KerasTensor, state_shape)
        first = [tuple(spec.shape[1:]) for spec in tree.flatten(specs)]
        shapes = [first] if self.state_shapes is None else self.state_shapes
        if any(size is None for sizes in shapes for shape in sizes for size in shape):
            raise ValueError(
                "States are stored in variables, so their sizes must be known. "
                f"Received: state_shapes={shapes}. Give `state_shapes`, or "
                "`input_shapes` to with_state_replay."
            )
        self._layout = []
        offsets = [0] * len(first)
        for sizes in shapes:
            places = [
                (shape, offset, math.prod(shape))
                for shape, offset in zip(sizes, offsets, strict=True)
            ]
            self._layout.append(places)
            offsets = [offset + size for _, offset, size in places]
        # Keras casts floats to the compute dtype before `call`.
        dtypes = [
            self.compute_dtype if keras.backend.is_float_dtype(dtype) else dtype
            for dtype in self._dtypes or [self.compute_dtype] * len(first)
        ]
        # One flat row per example holds the states of all sizes, so the size of a
        # batch can be found when a compiled step runs.
        self.stored = [
            self.add_weight(
                name=f"state_{i}",
                shape=(self.batch_size, total),
                dtype=dtype,
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
            for i, (total, dtype) in enumerate(zip(offsets, dtypes, strict=True))
        ]

    def call(self, state, carried=None, sequence=False, training=None):
        if carried is None:
            if training:
                ended = tree.map_structure(lambda x: x[:, -1], state)
                self._store(tree.flatten(ended if sequence else state))
            return state
        leaves = tree.flatten(state)
        use, stored = self._stored_for(leaves)
        use = ops.logical_and(use, ops.cast(carried, "bool"))
        for value in stored:
            if keras.backend.is_float_dtype(dtype_of(value)):
                axes = tuple(range(1, len(value.shape)))
                use = ops.logical_and(use, ops.all(ops.isfinite(value), axis=axes))
        started = [
            ops.where(ops.reshape(use, (-1, *[1] * (len(new.shape) - 1))), old, new)
            for old, new in zip(stored, leaves, strict=True)
        ]
        return attach(tree.pack_sequence_as(state, started), masks_of(state))

    def _store(self, leaves):
        known, places = self._places(leaves)
        for leaf, variable, (offset, size) in zip(
            leaves, self.stored, places, strict=True
        ):
            rows = ops.reshape(ops.stop_gradient(leaf), (ops.shape(leaf)[0], size))
            rows = ops.cast(rows, variable.dtype)
            every = ops.convert_to_tensor(variable)
            if known is not True:
                old = ops.slice(every, (0, offset), ops.shape(rows))
                rows = ops.where(known, rows, old)
            variable.assign(ops.slice_update(every, (0, offset), rows))

    def _stored_for(self, leaves):
        """Return whether states of this shape are stored, and the stored states."""
        known, places = self._places(leaves)
        found = []
        for leaf, variable, (offset, size) in zip(
            leaves, self.stored, places, strict=True
        ):
            every = ops.convert_to_tensor(variable)
            rows = ops.slice(every, (0, offset), (ops.shape(leaf)[0], size))
            rows = ops.reshape(rows, ops.shape(leaf))
            found.append(ops.cast(rows, leaf.dtype))
        return known, found

    def _places(self, leaves):
        """Return whether the shapes are known, and the offset and size of each leaf."""
        shapes = [tuple(leaf.shape[1:]) for leaf in leaves]
        fitting = self._fitting(shapes, leaves[0].shape[0])
        if len(fitting) == 1:
            return True, [place[1:] for place in fitting[0]]
        # TensorFlow may compile one step for several sizes.
        known = [_same(leaves, places) for places in fitting]
        found = []
        for i in range(len(leaves)):
            offset, size = (
                sum(
                    ops.cast(k, "int32") * places[i][part]
                    for k, places in zip(known, fitting, strict=True)
                )
                for part in (1, 2)
            )
            found.append((offset, size))
        return functools.reduce(ops.logical_or, known), found

    def _fitting(self, shapes, rows):
        """Return the places of all sizes that these shapes may have."""
        found = [places for places in self._layout if _known(places, shapes)]
        if not found or (rows is not None and rows > self.batch_size):
            raise ValueError(
                f"{self.name!r} stores {self.batch_size} states of the shapes "
                f"{[[shape for shape, *_ in places] for places in self._layout]}. "
                f"Received: {rows} states of the shapes {shapes}. Use a larger "
                "`batch_size`, or list the shapes of all sizes."
            )
        return found

    def compute_output_spec(self, state, carried=None, sequence=False, training=None):
        leaves = tree.flatten(state)
        shapes = [tuple(leaf.shape[1 + sequence :]) for leaf in leaves]
        self._fitting(shapes, leaves[0].shape[0])
        specs = tree.map_structure(
            lambda leaf: keras.KerasTensor(leaf.shape, leaf.dtype), state
        )
        return attach(specs, masks_of(state))

    def compute_mask(self, inputs, previous_mask):
        """Return the mask of the state."""
        return previous_mask

    def get_config(self):
        return {
            **super().get_config(),
            "batch_size": self.batch_size,
            "state_shapes": self.state_shapes,
        }


def _shapes(name, value):
    """Return the shapes of the tensors of a state of one size."""
    check_sequence(name, value)
    several = any(isinstance(part, list | tuple) for part in value)
    parts = value if several else [value]
    return [tuple(check_sequence(name, part, check_size)) for part in parts]


def _known(places, shapes):
    """Return whether states may have these shapes; `None` fits any size."""
    return len(places) == len(shapes) and all(
        fits(shape, place[0]) for place, shape in zip(places, shapes, strict=True)
    )


def _same(leaves, places):
    """Return a tensor: whether the leaves have these shapes."""
    found = [
        ops.equal(actual, size)
        for leaf, (shape, *_) in zip(leaves, places, strict=True)
        for actual, size in zip(ops.shape(leaf)[1:], shape, strict=True)
    ]
    return functools.reduce(ops.logical_and, found)
