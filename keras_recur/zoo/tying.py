"""Weights from one twin into the other."""

from collections.abc import Iterator

import keras
import numpy as np

from keras_recur.layers import SharedRecurrentBlock


def untie(recurrent: keras.Model, feedforward: keras.Model) -> None:
    """Copies the weights of every iteration into the twin's own copies."""
    for source, target, rows in _matched(recurrent, feedforward):
        _assign(target, source, rows)


def tie(
    recurrent: keras.Model, feedforward: keras.Model, tolerance: float = 0.0
) -> None:
    """Copies the twin's weights into the shared block, if its copies are equal.

    Args:
        recurrent: The model whose weights are set.
        feedforward: Its twin.
        tolerance: How far copies may lie apart, absolutely. The first is taken.

    Raises:
        ValueError: if copies differ, with their names and distances. Nothing is
            changed then.
    """
    first, apart = {}, []
    pairs = list(_matched(recurrent, feedforward))
    for shared, copy, rows in pairs:
        if rows is not None:
            continue
        value = keras.ops.convert_to_numpy(copy)
        known, where = first.setdefault(id(shared), (value, copy.path))
        distance = float(np.max(np.abs(known - value), initial=0.0))
        if not distance <= tolerance:
            apart.append(f"{where} and {copy.path} by {distance:.3g}")
    if apart:
        more = f" and {len(apart) - 5} more" if len(apart) > 5 else ""
        raise ValueError(
            "Tying needs equal copies in the feed-forward twin. These differ: "
            f"{'; '.join(apart[:5])}{more}. Train the recurrent twin and untie it, or "
            "give a larger `tolerance`."
        )
    done = set()
    for shared, copy, rows in pairs:
        if rows is not None:
            _assign(shared, copy, rows[::-1])
        elif id(shared) not in done:
            done.add(id(shared))
            _assign(shared, copy, None)


def _matched(recurrent, feedforward) -> Iterator[tuple]:
    """`(recurrent weight, feed-forward weight, rows)`, one per iteration.

    `rows` is `None` for whole weights; for weights with a row per iteration it is
    (row of the recurrent one, row of the feed-forward one).
    """
    for layer in recurrent.layers:
        if not layer.weights:
            continue
        twin = feedforward.get_layer(layer.name)
        if not isinstance(layer, SharedRecurrentBlock):
            for weight, copy in zip(layer.weights, twin.weights, strict=True):
                yield weight, copy, None
            continue
        for t in range(layer.iterations):
            block, other = layer.blocks[layer.groups[t]], twin.blocks[twin.groups[t]]
            rows = layer.positions[t], twin.positions[t]
            for weight, copy in zip(block.weights, other.weights, strict=True):
                same = weight.shape == copy.shape
                yield weight, copy, None if same else rows


def _assign(target, source, rows):
    # By way of NumPy: on JAX two variables would else hold one buffer, which the first
    # training step of either one gives away.
    value = keras.ops.convert_to_numpy(source)
    if rows is not None:
        row, value = value[rows[0]], keras.ops.convert_to_numpy(target).copy()
        value[rows[1]] = row
    target.assign(value)
