"""Identity of a run: recipe, model, trained weights and data."""

import dataclasses
import hashlib
import json
from typing import Any

import keras
import numpy as np

from keras_recur._earlier_names import current_names, earlier_names
from keras_recur.data._batches import to_numpy
from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock
from keras_recur.layers._walk import walk
from keras_recur.training.recipe import REPLAY_OFF, Recipe, recipe_defaults

# Arrays of up to 32 MiB are hashed in full, larger ones by evenly spaced rows.
_WHOLE = 1 << 25
_ROWS = 1024

# Fields of recipes that the older format of fingerprints did not have.
_NEWER = {"anneal_from", "anneal_epochs", "window", "progressive_depth", *REPLAY_OFF}

# Names differ between builds, and `trainable` is hashed separately.
_LEFT_OUT = {"name", "unroll", "remat", "trainable", "trainable_layers"}
_LEFT_OUT |= {"build_config", "compile_config"}

# Arguments that older configs lack, with the values that change nothing.
_ABSENT = {"initial_state": "input", "damping": 0.0, "state_noise": 0.0}
_ABSENT |= {"detach_every": None, "gradient_iterations": None}


def identity(
    model: keras.Model, recipe: Recipe, data: Any, validation_data: Any, steps: Any
) -> dict[str, Any]:
    """Return the parts that identify a run, in JSON types, by readable names."""
    return {
        "the recipe": _plain(dataclasses.asdict(recipe)),
        # The names of version 0.1.0 keep older checkpoints valid.
        "the model": _hash([_shapes(model), earlier_names(_config(model))]),
        "which weights are trained": _hash(
            [
                [v.trainable for v in model.variables],
                [la.trainable for la in walk(model)],
            ]
        ),
        "the data": _hash([_data(data), steps]),
        "the validation data": _hash(_data(validation_data)),
    }


def completed_recipe(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe in JSON types with the names and fields of this version."""
    found = {**recipe_defaults(), **current_names(stored)}
    return {name: _plain(value) for name, value in found.items()}


def earlier_fingerprint(model: keras.Model, recipe: Recipe, data: Any) -> str:
    """Return a run's fingerprint in the older format, without the data's arrays."""
    config = data.config() if hasattr(data, "config") else None
    loops = [
        [layer.groups, layer.injection]
        for layer in model.layers
        if isinstance(layer, SharedRecurrentBlock)
    ]
    loops += [la.get_config() for la in model.layers if isinstance(la, RecurrentGraph)]
    asked = dataclasses.asdict(recipe)
    for name, value in recipe_defaults().items():
        if name in _NEWER and asked[name] == value:
            del asked[name]
    return _hash([*earlier_names([asked, _shapes(model), loops]), config])


def content_digest(*data: Any) -> str:
    """Return a digest of the arrays of data sets."""
    return _hash([_content(part) for part in data])


def _content(data):
    if hasattr(data, "phases"):
        return [_content(phase) for phase in data.phases]
    if hasattr(data, "config") and hasattr(data, "x"):
        return [_array(data.x), _array(data.y)]
    return _data(data)


def _shapes(model):
    return [[v.name, *map(int, v.shape)] for v in model.variables]


def _config(model):
    """Return the configuration of a model without the names of its layers."""
    numbers = {layer.name: i for i, layer in enumerate(walk(model))}
    try:
        return _without_names(model.get_config(), numbers)
    except Exception:  # Subclassed models may have no config.
        pass
    found = []
    for layer in walk(model):
        try:
            config = _without_names(layer.get_config(), numbers)
        except Exception:
            config = None
        found.append([type(layer).__name__, config])
    return found


def _without_names(value, numbers):
    """Return a configuration with layer names replaced by positions."""
    if isinstance(value, dict):
        if value.get("class_name") in ("function", "__lambda__"):
            return None  # Its config holds a file path.
        return {
            str(key): _without_names(item, numbers)
            for key, item in value.items()
            if not (
                (key == "name" and (item is None or item in numbers))
                or (key in _LEFT_OUT and key != "name")
                or (key in _ABSENT and item == _ABSENT[key])
                or str(key).endswith(("initializer", "seed", "object_id"))
            )
        }
    if isinstance(value, list | tuple):
        # [name, node index, output index]
        if len(value) == 3 and isinstance(value[0], str) and value[0] in numbers:
            if all(isinstance(number, int) for number in value[1:]):
                return [numbers[value[0]], *value[1:]]
        return [_without_names(item, numbers) for item in value]
    return _plain(value)


def _data(data):
    """Return the identity of data without reading all of it."""
    if data is None:
        return None
    if hasattr(data, "phases"):
        return [_plain(data.config()), [_data(phase) for phase in data.phases]]
    if isinstance(data, tuple):  # Validation data as arrays.
        return [_array(leaf) for leaf in keras.tree.flatten(data)]
    if hasattr(data, "config") and hasattr(data, "x"):
        arrays = [_array(data.x), _array(data.y)]
        transform = getattr(data, "transform", None)
        return [_plain(data.config()), arrays, _name(transform)]
    if hasattr(data, "config"):
        return _plain(data.config())
    if hasattr(data, "element_spec"):  # tf.data
        return [str(data.element_spec), int(data.cardinality())]
    tensors = getattr(getattr(data, "dataset", None), "tensors", None)  # PyTorch
    if tensors is not None:
        return [[_array(to_numpy(t)) for t in tensors], getattr(data, "batch_size", 0)]
    try:
        return [type(data).__name__, len(data)]
    except (TypeError, NotImplementedError):
        return type(data).__name__


def _array(array):
    """Return the shape, dtype and hash of an array; large arrays are sampled."""
    array = to_numpy(array)
    rows = array
    if array.nbytes > _WHOLE and array.ndim:
        rows = array[np.linspace(0, len(array) - 1, _ROWS).astype(int)]
    if rows.dtype == object:
        return [list(array.shape), "object"]
    digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()
    return [list(array.shape), str(array.dtype), digest]


def _name(function):
    """Return the name of a function. Its address varies between processes."""
    function = getattr(function, "func", function)
    return getattr(function, "__qualname__", type(function).__qualname__)


def _plain(value):
    """Return a value in JSON types, or the name of its type."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return type(value).__name__


def _hash(parts):
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
