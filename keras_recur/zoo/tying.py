"""Copy weights from one twin to the other."""

from collections.abc import Iterator

import keras
import numpy as np

from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock


def untie(recurrent: keras.Model, feedforward: keras.Model) -> None:
    """Copy the weights of every iteration to the feed-forward twin."""
    for source, target, rows in _matched(recurrent, feedforward):
        assign(target, source, rows)
    for loop, twin in _derived(recurrent, feedforward):
        for t, values in enumerate(loop.weight_sharing.values()):
            twin.block_of(t).set_weights(values)


def tie(
    recurrent: keras.Model, feedforward: keras.Model, tolerance: float = 0.0
) -> None:
    """Copy the feed-forward weights to the shared block, or raise an error."""
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
            "Tying requires equal copies in the feed-forward twin. These differ: "
            f"{'; '.join(apart[:5])}{more}. Train the recurrent twin and untie it, or "
            "give a larger `tolerance`."
        )
    fits = [
        (loop, loop.weight_sharing.fit(twin.weight_sharing.values(), tolerance))
        for loop, twin in _derived(recurrent, feedforward)
    ]
    for loop, fit in fits:
        loop.weight_sharing.assign(fit)
    assigned = set()
    for shared, copy, rows in pairs:
        if rows is not None:
            assign(shared, copy, rows[::-1])
        elif id(shared) not in assigned:
            assigned.add(id(shared))
            assign(shared, copy, None)


def _derived(recurrent, feedforward):
    """Yield the loops whose kernels are computed, with their twins."""
    for layer in recurrent.layers:
        if isinstance(layer, SharedRecurrentBlock) and layer.weight_sharing.derived:
            yield layer, feedforward.get_layer(layer.name)


def _matched(recurrent, feedforward) -> Iterator[tuple]:
    """Yield (recurrent weight, feed-forward weight, rows or `None`) per iteration."""
    for layer in recurrent.layers:
        if not layer.weights:
            continue
        twin = feedforward.get_layer(layer.name)
        if not isinstance(layer, RecurrentGraph | SharedRecurrentBlock):
            for weight, copy in zip(layer.weights, twin.weights, strict=True):
                yield weight, copy, None
            continue
        if isinstance(layer, SharedRecurrentBlock):
            for weight, copy in zip(layer.first_states, twin.first_states, strict=True):
                yield weight, copy, None
            if layer.weight_sharing.derived:
                continue
        theirs = twin.applications()
        for key, (block, row, _) in layer.applications().items():
            other, twin_row, _ = theirs[key]
            rows = row, twin_row
            for weight, copy in zip(block.weights, other.weights, strict=True):
                same = weight.shape == copy.shape
                yield weight, copy, None if same else rows


def assign(target, source, rows):
    """Copy a weight, or one row of it with `rows` = (source row, target row)."""
    # Through NumPy: two JAX variables must not share a buffer, which training donates.
    value = keras.ops.convert_to_numpy(source)
    if rows is not None:
        row, value = value[rows[0]], keras.ops.convert_to_numpy(target).copy()
        value[rows[1]] = row
    target.assign(value)
