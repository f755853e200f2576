"""Copies of a user's block, one per group of iterations."""

import weakref
from typing import Any

import keras
import numpy as np

from keras_recur._keras import copies_layers, inner_layers
from keras_recur.layers._held import Held, held, is_held
from keras_recur.layers._seeds import derived_seed
from keras_recur.layers.iteration import iteration_scope


def copy_block(block, copy: int, iterations: int):
    """Return a copy of `block` with fresh weights and seeds, for `iterations`."""
    with held(block) as classes:
        try:
            config = _reseeded(block.get_config(), copy, own=not _is_keras(block))
        except NotImplementedError as error:
            raise ValueError(
                "A loop copies its block unless sharing='all', and a copy needs "
                f"`get_config`. Received: a block {block.name!r} with a layer that "
                "has none. Implement it, or use sharing='all'."
            ) from error
        if copy:
            config["name"] = f"{block.name}_{copy}"
        # Outside a loop, the paths of variables would have no scope.
        scope = keras.name_scope(config.get("name") or block.name)
        with keras.saving.CustomObjectScope(classes), scope:
            with iteration_scope(0, iterations):
                clone = type(block).from_config(config)
                if block.built and not clone.built:
                    clone.build_from_config(block.get_build_config())
    if block.built and clone.built:
        # Training would not set these weights.
        _take_over(block, clone, lambda weight: not weight.trainable)
    return clone


def own_block(block, iterations: int):
    """Return a copy of `block` that starts with the block's weights if it is built."""
    clone = copy_block(block, 0, iterations)
    if block.built and clone.built:
        _take_over(block, clone, lambda weight: True)
    return clone


def tied_block(block, iterations: int):
    """Return `block`, or a copy if it is built for another number of iterations."""
    # A Functional builds its layers outside the loop, with one row per weight.
    if block not in _loops_of:
        copy = _copy_of.get(block, lambda: None)()
        try:
            if copy is None and any(
                _other_rows(layer, iterations) for layer in _own_layers(block)
            ):
                copy = own_block(block, iterations)
                _copy_of[block] = weakref.ref(copy)
        except ValueError:  # A block that cannot be copied needs no rows.
            pass
        block = block if copy is None else copy
    _loops_of[block] = _loops_of.get(block, 0) + 1
    return block


def shared_config(layer) -> dict[str, Any]:
    """Return a serialized layer, with a number if it can have several owners."""
    config = keras.saving.serialize_keras_object(layer)
    if _loops_of.get(layer, 0) > 1 or copies_layers():
        # In a file or copy, this number identifies the layer.
        config["shared_object_id"] = id(layer)
    return config


# Number of loops that apply a block itself.
_loops_of: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
# The copy of a block that loops apply instead.
_copy_of: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def _take_over(block, clone, which):
    """Copy some weights, and the settings of all weights."""
    for old, new in zip(block.weights, clone.weights, strict=True):
        new.regularizer, new.constraint = old.regularizer, old.constraint
        new.trainable = old.trainable
        if not which(old):
            continue
        # Copy through NumPy. On JAX both would share a buffer that training frees.
        value = keras.ops.convert_to_numpy(old)
        if old.shape != new.shape:
            value = np.broadcast_to(value[:1], tuple(new.shape))
        new.assign(value)


def _own_layers(block):
    """Return the outermost layers that are not Keras's own."""
    if not _is_keras(block):
        return [block]
    return [own for layer in inner_layers(block) for own in _own_layers(layer)]


def _other_rows(layer, iterations):
    """Return whether the layer's weights have other shapes for `iterations`."""
    clone = copy_block(layer, 0, iterations) if layer.weights else layer
    pairs = zip(layer.weights, clone.weights, strict=True)
    return any(old.shape != new.shape for old, new in pairs)


def _reseeded(config: Any, copy: int, key: str = "", own: bool = False) -> Any:
    """Return the config with other seeds. `own` marks the config of a user's layer."""
    if isinstance(config, Held):
        return config.value
    # A user's layer may use its config as it is, so it receives the object.
    if own and is_held(config):
        return Held.from_config(config["config"])
    if isinstance(config, dict):
        if "class_name" in config:
            own = not str(config.get("module")).startswith("keras")
        # While it loads a file, Keras marks repeated objects as shared.
        kept = {k: v for k, v in config.items() if k != "shared_object_id"}
        return {k: _reseeded(v, copy, k, own) for k, v in kept.items()}
    if isinstance(config, list | tuple):
        return type(config)(_reseeded(v, copy, own=own) for v in config)
    if key == "seed" and isinstance(config, int) and copy:
        return derived_seed(config, copy)
    return config


def _is_keras(layer) -> bool:
    return type(layer).__module__.startswith("keras.")
