"""Check that a model can be scored: one output with logits of two or more classes."""

from typing import Any

import keras
import numpy as np

from keras_recur._labels import answer_labels, check_classes
from keras_recur._validation import check_type
from keras_recur.layers._masks import OutputMask, answer_mask


def check_model(model: Any) -> keras.Model:
    """Return `model` if it is a Keras model."""
    return check_type("model", model, keras.Model, "a Keras model")


def check_array(name: str, value: Any) -> np.ndarray:
    """Return `value` as an array of floats, or raise an error."""
    try:
        return np.asarray(value, "float64")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be an array of numbers. Received: {name}={value!r}."
        ) from error


def class_labels(name: str, y: Any) -> np.ndarray:
    """Return labels with one class per example, or raise an error."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "iu" or (y < 0).any():
        raise ValueError(
            f"`{name}` must have one class per example, an integer of at least 0. "
            f"Received: labels of shape {y.shape} and dtype {y.dtype}."
        )
    return y


def logits_shape(model: Any) -> Any:
    """Return the shape of a model's logits if it can be scored, or raise an error."""
    check_model(model)
    if not hasattr(model, "inputs") or not hasattr(model, "outputs"):
        raise ValueError(
            "`model` must be a Functional or Sequential model that is built. Received: "
            f"{model.name!r} (of type {type(model).__name__}). Write it as "
            "keras.Model(inputs, outputs)."
        )
    if len(model.outputs) != 1:
        raise ValueError(
            f"`model` must have one output, logits. Received: {model.name!r} with "
            f"{len(model.outputs)} outputs. Score one at a time: "
            "keras.Model(model.input, model.outputs[0])."
        )
    shape = tuple(model.outputs[0].shape)
    if len(shape) < 2:
        raise ValueError(
            "`model` must return logits with an axis of classes. Received: "
            f"{model.name!r} with outputs of shape {shape}."
        )
    check_classes(shape[-1])
    return shape


class AnswerLabels:
    """Checked labels of batches, with -1 in padding."""

    def __init__(self, model: keras.Model):
        *_, self.classes = logits_shape(model)
        (answer,) = model.outputs
        self._there = None
        if answer_mask(answer) is not None:
            self._there = keras.Model(model.input, OutputMask()(answer))

    def __call__(self, x: Any, y: Any, answers: tuple[int, ...]) -> np.ndarray:
        """Return the labels of a batch in the shape `answers`."""
        labels = answer_labels("y", y, answers, self.classes)
        if self._there is None:
            return labels
        there = np.asarray(self._there.predict_on_batch(x))
        if there.ndim > labels.ndim:  # The model returns all iterations.
            there = there.any(axis=1)
        return np.where(there, labels, -1)
