"""Checks of labels, which hold one class number for every answer of a model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops


# Labels below 0 are not scored. Labels may have an additional last axis of size 1.
class Place(NamedTuple):
    """Whether labels have a last axis of size 1, and logits have iterations."""

    column: bool
    several: bool


def check_labels(name: str, labels: Any, classes: int | None = None) -> np.ndarray:
    """Return labels as a NumPy array, or refuse those that are not classes."""
    found = np.asarray(labels)
    if found.dtype.name == "bfloat16":
        found = found.astype("float32")
    if found.dtype.kind not in "biuf":
        raise ValueError(
            f"`{name}` must hold class numbers, integers from 0. Received: an array "
            f"of type {found.dtype}. Number the classes, for instance by "
            "np.unique(labels, return_inverse=True)[1]."
        )
    if not found.size:
        return found
    if found.dtype.kind == "f":
        _check_whole(name, found)
    if classes is not None and (largest := int(found.max())) >= classes:
        fix = "Label positions that are not scored -1."
        if largest == classes and found.min() == 1:
            fix = "Subtract 1 if your labels start at 1."
        raise ValueError(
            f"`{name}` must hold labels from 0 to {classes - 1} for {classes} classes "
            f"(below 0: not scored). Received: the label {largest}. {fix} For more "
            "classes build the model with a larger `num_classes`."
        )
    return found


def _check_whole(name, found):
    wrong = ~np.isfinite(found) | (found != np.floor(found))
    if wrong.any():
        raise ValueError(
            f"`{name}` must hold class numbers, integers from 0. Received: the label "
            f"{found[wrong][0]} (of type {found.dtype}). Targets that are not classes "
            "cannot be scored by cross-entropy or accuracy."
        )


def check_classes(classes: int | None) -> None:
    """Refuse logits of a single class, whose softmax is always 1."""
    if classes == 1:
        raise ValueError(
            "A model must have at least two logits, one per class. Received: outputs "
            "with a last axis of 1. For two classes build it with num_classes=2."
        )


def check_not_one_hot(name: str, labels: np.ndarray, classes: int) -> None:
    """Refuse one-hot values whose shape is also that of labels for strings."""
    rows = labels.reshape(-1, classes)
    if classes < 3 or len(rows) < 4:
        return  # Few rows may be one-hot by chance.
    if ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=-1) == 1).all():
        raise _one_hot(name, labels.shape)


def label_place(
    labels: Sequence[int | None],
    logits: Sequence[int | None],
    several: bool | None = None,
    name: str = "y_true",
) -> Place:
    """Match the shapes of labels and logits, in which `None` is an unknown size."""
    if len(logits) >= 2:
        check_classes(logits[-1])
    labels, logits = list(labels), list(logits)
    answers = []
    if several is not True and len(logits) >= 2:
        answers.append((logits[:-1], False))
    if several is not False and len(logits) >= 3:
        answers.append(([logits[0], *logits[2:-1]], True))
    for column in (False, True):
        if column and not (len(labels) > 1 and labels[-1] == 1):
            continue
        shape = labels[:-1] if column else labels
        for answer, iterations in answers:
            if _alike(shape, answer):
                return Place(column, iterations)
    if len(labels) > 1 and labels[-1] == logits[-1] and labels[-1] is not None:
        raise _one_hot(name, labels)
    allowed = " or ".join(str(tuple(answer)) for answer, _ in answers)
    raise ValueError(
        f"`{name}` must have a label for every answer, shape {allowed}, for logits of "
        f"shape {tuple(logits)}. Received: shape {tuple(labels)}."
    )


def _alike(shape, other):
    pairs = zip(shape, other, strict=False)
    return len(shape) == len(other) and all(
        a is None or b is None or a == b for a, b in pairs
    )


def _one_hot(name, shape):
    return ValueError(
        f"`{name}` must hold class numbers. Received: one-hot labels of shape "
        f"{tuple(shape)}. Pass {name}.argmax(-1)."
    )


def matched(y_true: Any, y_pred: Any) -> tuple[Any, bool]:
    """Return labels in the shape of the answers, and whether logits have iterations."""
    place = label_place(tuple(y_true.shape), tuple(y_pred.shape))
    if place.column:
        y_true = ops.squeeze(y_true, axis=-1)
    return y_true, place.several


def example_weights(sample_weight: Any, y_true: Any, per_position: bool) -> Any:
    """Return `float32` weights per example; with `per_position`, for every label."""
    weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
    shape, labels = list(weight.shape), list(y_true.shape)
    if not shape:
        return weight
    ones = (1,) * (len(labels) - 1)
    if per_position and len(labels) > 1:
        if _alike(shape, labels):
            return weight
        if shape[-1] == 1 and _alike(shape[:-1], labels):
            return ops.squeeze(weight, axis=-1)
    if _alike(shape, labels[:1]) or _alike(shape, [labels[0], 1]):
        return ops.reshape(weight, (-1, *ones) if per_position else (-1,))
    also = f" or one per position, {tuple(labels)}" if per_position and ones else ""
    raise ValueError(
        f"`sample_weight` must hold one weight per example, shape "
        f"{tuple(labels[:1])}{also}. Received: shape {tuple(shape)}."
    )


def check_given(y_true: Any, y_pred: Any) -> None:
    """Check labels by value if they are NumPy arrays or lists."""
    # Reading the values of tensors would slow down every training step.
    if not isinstance(y_true, np.ndarray | list | tuple):
        return
    shape = tuple(y_pred.shape) if hasattr(y_pred, "shape") else np.shape(y_pred)
    labels = check_labels("y_true", y_true)
    place = label_place(labels.shape, shape)
    check_labels("y_true", labels, shape[-1])
    if not place.several and shape[-2:] == labels.shape[-1:] * 2:
        check_not_one_hot("y_true", labels, shape[-1])


def answer_labels(
    name: str, labels: Any, answers: tuple[int, ...], classes: int
) -> np.ndarray:
    """Return checked labels, as signed integers in the shape `answers` of classes."""
    found = check_labels(name, labels)
    place = label_place(found.shape, (*answers, classes), False, name)
    check_labels(name, found, classes)
    found = found[..., 0] if place.column else found
    return found.astype("int64")  # Padding is labeled -1, and classes are indices.
