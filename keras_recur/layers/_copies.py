"""Fresh copies of a user's block, one for every group of iterations."""

import contextlib
import zlib
from typing import Any

import keras
import numpy as np

from keras_recur.layers.iteration import iteration_scope


def copy_block(block, copy: int, iterations: int):
    """A freshly initialized copy of `block`, sized for `iterations` iterations.

    Initializers and layers that were given a seed get another one, derived from it
    and from the number of the copy: with the same seed all copies would start equal.
    """
    config = _reseeded(block.get_config(), copy)
    if copy:
        config["name"] = f"{block.name}_{copy}"
    # What is built outside of a loop has no scope in its variables' paths, and on
    # PyTorch Keras zeroes gradients by path: copies of equal paths would add them up.
    scope = keras.name_scope(config["name"]) if copy else contextlib.nullcontext()
    with keras.saving.CustomObjectScope(_classes_in(block)), scope:
        with iteration_scope(0, iterations):
            clone = type(block).from_config(config)
            if block.built and not clone.built:
                clone.build_from_config(block.get_build_config())
    return clone


def sized_block(block, iterations: int):
    """`block` itself; a copy where it was built for another number of iterations.

    A Functional builds its layers where it is written, outside the loop. If one of
    them has a row of weights per iteration, it is built anew, with the weights it
    had, the first row repeated.
    """
    try:
        if not any(_other_rows(layer, iterations) for layer in _own_layers(block)):
            return block
        clone = copy_block(block, 0, iterations)
    except NotImplementedError:  # No config; then it has no rows that would need it.
        return block
    for old, new in zip(block.weights, clone.weights, strict=True):
        # By way of NumPy: on JAX the two would else share a buffer that training frees.
        value = keras.ops.convert_to_numpy(old)
        if old.shape != new.shape:
            value = np.broadcast_to(value[:1], tuple(new.shape))
        new.assign(value)
    return clone


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


def _reseeded(config: Any, copy: int, key: str = "") -> Any:
    if isinstance(config, dict):
        # While a file is loaded, Keras marks what it meets twice as one shared object.
        kept = {k: v for k, v in config.items() if k != "shared_object_id"}
        return {k: _reseeded(v, copy, k) for k, v in kept.items()}
    if isinstance(config, list | tuple):
        return type(config)(_reseeded(v, copy) for v in config)
    if key == "seed" and isinstance(config, int) and copy:
        return zlib.crc32(f"{config}/{copy}".encode()) >> 1
    return config


def _classes_in(block) -> dict[str, type]:
    """Classes of the block's layers, so that unregistered ones can be copied too."""
    own = [layer for layer in block._flatten_layers() if not _is_keras(layer)]
    return {type(layer).__name__: type(layer) for layer in own}


def _is_keras(layer) -> bool:
    return type(layer).__module__.startswith("keras.")
