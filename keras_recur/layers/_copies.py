"""Copies of a user's block, one for every group of iterations."""

import weakref
import zlib
from typing import Any

import keras
import numpy as np

from keras_recur.layers._held import Held, held, is_held
from keras_recur.layers.iteration import iteration_scope


def copy_block(block, copy: int, iterations: int):
    """A copy of `block` with fresh weights, sized for `iterations` iterations.

    Initializers and layers that were given a seed get another one, derived from it
    and from the number of the copy: with the same seed all copies would start equal.
    Functions and objects of the user's own are taken over by reference. Where the
    block is built, weights that are not trained (of frozen layers, statistics) are
    copied, since training would not set them.

    Raises:
        ValueError: if the block cannot be copied.
    """
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
        # What is built outside of a loop has no scope in its variables' paths.
        scope = keras.name_scope(config.get("name") or block.name)
        with keras.saving.CustomObjectScope(classes), scope:
            with iteration_scope(0, iterations):
                clone = type(block).from_config(config)
                if block.built and not clone.built:
                    clone.build_from_config(block.get_build_config())
    if block.built and clone.built:
        _take_over(block, clone, lambda weight: not weight.trainable)
    return clone


def own_block(block, iterations: int):
    """A copy of `block` that starts with the block's weights, where it has them."""
    clone = copy_block(block, 0, iterations)
    if block.built and clone.built:
        _take_over(block, clone, lambda weight: True)
    return clone


def tied_block(block, iterations: int):
    """`block` itself; a copy where it was built for another number of iterations.

    A Functional builds its layers where it is written, outside the loop. If one of
    them has a row of weights per iteration, it is built again, with the weights it
    had, the first row repeated. A block that another loop applies stays as it is.
    """
    if block not in _loops_of:
        try:
            if any(_other_rows(layer, iterations) for layer in _own_layers(block)):
                block = own_block(block, iterations)
        except ValueError:  # It cannot be copied, and needs no rows then.
            pass
    _loops_of[block] = _loops_of.get(block, 0) + 1
    return block


def is_shared(block) -> bool:
    """Whether several loops apply this block, and so share its weights."""
    return _loops_of.get(block, 0) > 1


# How many loops were made that apply a block itself.
_loops_of: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


def _take_over(block, clone, which):
    """Copies some weights, and what else was set on the weights themselves."""
    for old, new in zip(block.weights, clone.weights, strict=True):
        new.regularizer, new.constraint = old.regularizer, old.constraint
        new.trainable = old.trainable
        if not which(old):
            continue
        # By way of NumPy: on JAX the two would else share a buffer that training frees.
        value = keras.ops.convert_to_numpy(old)
        if old.shape != new.shape:
            value = np.broadcast_to(value[:1], tuple(new.shape))
        new.assign(value)


def _own_layers(block):
    """The outermost layers that are not Keras's, which know of no iterations."""
    if not _is_keras(block):
        return [block]
    inner = block._flatten_layers(recursive=False, include_self=False)
    return [own for layer in inner for own in _own_layers(layer)]


def _other_rows(layer, iterations):
    """Whether it has weights of other shapes in a loop of so many iterations."""
    clone = copy_block(layer, 0, iterations) if layer.weights else layer
    pairs = zip(layer.weights, clone.weights, strict=True)
    return any(old.shape != new.shape for old, new in pairs)


def _reseeded(config: Any, copy: int, key: str = "", own: bool = False) -> Any:
    """The config with other seeds; `own` is that of a user's layer.

    Keras's layers read what their configs hold. A user's layer may take its config as
    it is, and so receives the objects that it had.
    """
    if isinstance(config, Held):
        return config.value
    if own and is_held(config):
        return Held.from_config(config["config"])
    if isinstance(config, dict):
        if "class_name" in config:
            own = not str(config.get("module")).startswith("keras")
        # While a file is loaded, Keras marks what it meets twice as one shared object.
        kept = {k: v for k, v in config.items() if k != "shared_object_id"}
        return {k: _reseeded(v, copy, k, own) for k, v in kept.items()}
    if isinstance(config, list | tuple):
        return type(config)(_reseeded(v, copy, own=own) for v in config)
    if key == "seed" and isinstance(config, int) and copy:
        return zlib.crc32(f"{config}/{copy}".encode()) >> 1
    return config


def _is_keras(layer) -> bool:
    return type(layer).__module__.startswith("keras.")
