"""Count how often a model's loops apply each weight."""

from typing import Any

from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock


def times_applied(model: Any) -> dict[int, int]:
    """Return how often each trainable variable of a loop is applied, by its `id`."""
    counts: dict[int, int] = {}
    _count(model, 1, False, counts)
    return counts


def _count(layer, times, in_loop, counts):
    if isinstance(layer, RecurrentGraph | SharedRecurrentBlock):
        blocks = [block for block, *_ in layer.applications().values()]
        for block in {id(block): block for block in blocks}.values():
            number = sum(block is other for other in blocks)
            _count(block, times * number, True, counts)
        return
    inner = layer._flatten_layers(include_self=False, recursive=False)
    inner = {id(la): la for la in inner}.values()
    if in_loop:
        below = {id(v) for la in inner for v in la.trainable_variables}
        for variable in layer.trainable_variables:
            if id(variable) not in below:
                counts[id(variable)] = counts.get(id(variable), 0) + times
    for la in inner:
        _count(la, times, in_loop, counts)
