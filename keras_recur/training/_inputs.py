"""Checks of training data before the first step."""

import contextlib
import types
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_recur.data._batches import first_batch, to_numpy

_ROWS = 4096  # Rows checked at once, which limits temporary memory.


def check_data(name: str, data: Any, steps: int | None) -> None:
    """Check that `data` yields batches and that an epoch of it ends."""
    steps_name = "steps_per_epoch" if name == "data" else "validation_steps"
    if (
        data is None
        or isinstance(data, dict | str | int | float | list)
        or (isinstance(data, tuple) and name == "data")
        or keras.ops.is_tensor(data)
        or isinstance(data, np.ndarray)
        or not (hasattr(data, "__iter__") or hasattr(data, "__getitem__"))
    ):
        raise ValueError(
            f"`{name}` must give batches: a data set of keras_recur.data, a PyDataset, "
            "a tf.data.Dataset, a DataLoader or a generator. Received: an object of "
            f"type {type(data).__name__}. Put arrays into "
            "keras_recur.data.ArrayDataset(x, y, batch_size)."
        )
    if steps is None and _endless(data):
        raise ValueError(
            f"`{name}` has no known end, so `{steps_name}`, the number of batches per "
            f"epoch, is needed. Received: {name}=<{type(data).__name__}> with "
            f"{steps_name}=None."
        )
    batches = len(data) if hasattr(data, "epoch_callback") else steps
    if steps is not None and steps != batches:
        raise ValueError(
            f"`{steps_name}` is for data without an end; an epoch of this data set is "
            f"one pass over it. Received: {steps_name}={steps} for {batches} batches. "
            "Use `take(num_examples)` for shorter epochs."
        )


def with_first_batch(name: str, data: Any) -> tuple[Any, Any]:
    """Return the complete data and its first batch."""
    batch, data = first_batch(data)
    if batch is None:
        raise ValueError(f"`{name}` must give at least one batch. Received: none.")
    return data, batch


def check_finite(name: str, data: Any, batch: Any = None) -> None:
    """Check that inputs are finite, in arrays in memory or in the first batch."""
    # The loss may hide NaN inputs: on some backends, ReLU turns NaN into 0.
    for phase in getattr(data, "phases", (data,)):
        whole = getattr(phase, "x", None)
        if isinstance(whole, np.ndarray):
            _check(name, whole)
    if isinstance(data, tuple):
        batch = data
    if batch is None:
        return
    x, _, weights = keras.utils.unpack_x_y_sample_weight(batch)
    for leaf in tree.flatten((x, weights)):
        with contextlib.suppress(TypeError, NotImplementedError):  # Sparse or ragged.
            _check(name, to_numpy(leaf))


def _check(name, array):
    if array.dtype.kind not in "fcV" or array.ndim == 0:
        return
    for start in range(0, len(array), _ROWS):
        finite = np.isfinite(array[start : start + _ROWS])
        if finite.all():
            continue
        bad = ~finite.reshape(len(finite), -1).all(axis=1)
        raise ValueError(
            f"`{name}` must have finite inputs and weights. Received: NaN or infinity "
            f"in example {start + int(bad.argmax())} of {len(array)}. Remove such "
            "examples, or replace the values, for instance with np.nan_to_num."
        )


def _endless(data):
    if isinstance(data, types.GeneratorType):
        return True
    if isinstance(data, keras.utils.PyDataset):
        try:
            return data.num_batches is None
        except NotImplementedError:
            return True
    if hasattr(data, "element_spec") and hasattr(data, "cardinality"):
        return int(data.cardinality()) == -1  # tf.data.INFINITE_CARDINALITY
    return False
