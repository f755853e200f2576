"""What a model must be to be scored: one output, logits of two classes or more."""

from typing import Any

import keras
import numpy as np

from keras_recur._labels import check_classes
from keras_recur._validation import check_type


def check_model(model: Any) -> keras.Model:
    """Return `model` if it is a Keras model."""
    return check_type("model", model, keras.Model, "a Keras model")


def check_array(name: str, value: Any) -> np.ndarray:
    """Return `value` as an array of floats, or say that it holds no numbers."""
    try:
        return np.asarray(value, "float64")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be an array of numbers. Received: {name}={value!r}."
        ) from error


def logits_shape(model: Any) -> Any:
    """Return the shape of a model's logits, or say why it cannot be scored."""
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
