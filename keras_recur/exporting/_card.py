"""Card of an exported model."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import keras

from keras_recur._files import to_json
from keras_recur.runs.provenance import provenance
from keras_recur.zoo.costs import costs


def card_of(model: Any, front: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card as plain data. The writer adds functions and formats."""
    try:
        _check_names(given)
        given = json.loads(to_json(dict(given)))
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`card` must be plain data with strings for names: dictionaries, lists, "
            f"strings, numbers. Received: card={given!r} ({error})."
        ) from error
    return {
        "model": model.name,
        **given,
        "preprocessing": _preprocessing(front, given.get("preprocessing")),
        "costs": _costs(model),
        "exported": provenance(),
    }


def _check_names(given):
    if isinstance(given, Mapping):
        for name, value in given.items():
            if not isinstance(name, str):
                raise TypeError(f"{name!r} is a name")
            _check_names(value)
    elif isinstance(given, list | tuple):
        for value in given:
            _check_names(value)


def _costs(model):
    try:
        return dataclasses.asdict(costs(model))
    except ValueError:
        # Operations depend on an open input size, or a user's layer is unknown.
        return {"parameters": model.count_params()}


def _preprocessing(front, given):
    if front is None:
        return given or "none in the graph: inputs are as the model was trained on"
    config = keras.saving.serialize_keras_object(front)
    return {"in the graph": json.loads(json.dumps(config, default=str))}
