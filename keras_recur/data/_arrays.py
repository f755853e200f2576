"""Checks of the arrays of a data set."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_recur._labels import check_labels, check_not_one_hot
from keras_recur._validation import check_integer
from keras_recur.data._batches import to_numpy


def examples_of(name: str, value: Any, numbers: bool) -> np.ndarray:
    """Return `value` as an array; with `numbers`, refuse types other than numbers."""
    try:
        found = to_numpy(value)
        received = f"an array of type {found.dtype} and shape {found.shape}"
    except (TypeError, ValueError, RuntimeError) as error:
        found, received = None, f"{type(error).__name__}: {error}"
    if found is None or (
        numbers and found.dtype.kind in "OSUV" and found.dtype.name != "bfloat16"
    ):
        raise ValueError(
            f"`{name}` must be an array of numbers, with the examples along its first "
            f"axis. Received: {received}."
        )
    return found


def check_class_numbers(
    y: np.ndarray,
    classes: int,
    transformed: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Refuse labels that are not class numbers unless `transformed` corrects them."""
    classes = check_integer("classes", classes, 2)
    try:
        labels = check_labels("y", y, classes)
    except ValueError as error:
        labels = transformed(_first_wrong(y, classes))
        try:
            labels = check_labels("y", labels, classes)
        except ValueError:
            raise error from None
    if labels.ndim > 1 and labels.shape[-1] == classes:
        check_not_one_hot("y", labels, classes)


def _first_wrong(labels, classes):
    """Return the row of the first example with a wrong label."""
    if labels.dtype.kind not in "biuf":
        return np.arange(1)
    rows = labels.reshape(len(labels), -1)
    right = (rows < classes) & (rows == np.floor(rows))
    return np.flatnonzero(~right.all(axis=-1))[:1]
