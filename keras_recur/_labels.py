"""Check labels where data enter: one class number for every output position.

Labels are integers from 0, or whole numbers of another type. Labels below 0 are not
scored. Their shape is that of the logits without the axes of classes and iterations. A
last axis of size 1, `(examples, 1)`, is removed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops


class Place(NamedTuple):
    """How the shape of labels relates to that of logits.

    Attributes:
        column: Whether the labels have a last axis of size 1.
        several: Whether the logits have an axis of iterations.
    """

    column: bool
    several: bool


def check_labels(name: str, labels: Any, classes: int | None = None) -> np.ndarray:
    """Return labels as a NumPy array, or raise if one of them is not a class.

    Args:
        name: Argument name for the message.
        labels: Integers, booleans or whole floats of any shape.
        classes: Number of classes, if known.
    """
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
    """Refuse labels whose values are one-hot, where the shape does not tell.

    With as many iterations as classes, one-hot labels `(batch, classes)` look like
    labels of a string. A few rows may be one-hot by chance.
    """
    rows = labels.reshape(-1, classes)
    if classes < 3 or len(rows) < 4:
        return
    if ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=-1) == 1).all():
        raise _one_hot(name, labels.shape)


def label_place(
    labels: Sequence[int | None],
    logits: Sequence[int | None],
    several: bool | None = None,
    name: str = "y_true",
) -> Place:
    """Return how labels relate to logits, or raise if their shapes do not fit.

    Args:
        labels: Shape of the labels with the batch; `None` for unknown sizes.
        logits: Shape of the logits: `(batch, ..., classes)` or
            `(batch, iterations, ..., classes)`.
        several: Whether the logits have an axis of iterations, if known.
        name: Argument name for the message.
    """
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
    """Return labels without a last axis of size 1, and whether there are iterations.

    Only shapes are compared, which costs nothing in a compiled step.

    Args:
        y_true: Tensor of labels.
        y_pred: Tensor of logits.
    """
    place = label_place(tuple(y_true.shape), tuple(y_pred.shape))
    if place.column:
        y_true = ops.squeeze(y_true, axis=-1)
    return y_true, place.several


def example_weights(sample_weight: Any, y_true: Any, per_position: bool) -> Any:
    """Return weights as `float32`, in a shape that broadcasts with the labels.

    Args:
        sample_weight: Weights of shape `(batch,)`, `(batch, 1)` or `()`; with
            `per_position`, also of the labels' shape.
        y_true: Tensor of labels, as `matched` returns it.
        per_position: Whether every position may have its own weight.
    """
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
    """Check the values of labels that are NumPy arrays or lists.

    Tensors of a training step are not read, because that would cost time.
    """
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
    """Return checked labels of a batch, in the shape of the predicted classes.

    Args:
        name: Argument name for the message.
        labels: Labels of the batch.
        answers: Shape of the predicted classes, `(batch, ...)`.
        classes: Number of classes.
    """
    found = check_labels(name, labels)
    place = label_place(found.shape, (*answers, classes), False, name)
    check_labels(name, found, classes)
    return found[..., 0] if place.column else found
