"""Kinds of sharing. To add one, add a subclass of `WeightSharing` to `KINDS`."""

from collections.abc import Iterator
from typing import Any

from keras_recur._validation import check_one_of
from keras_recur.layers.sharing.shared_by_all import SharedByAll
from keras_recur.layers.sharing.shared_in_groups import SharedInGroups
from keras_recur.layers.sharing.shared_templates import SharedTemplates
from keras_recur.layers.sharing.weight_sharing import WeightSharing

KINDS = (SharedByAll, SharedInGroups, SharedTemplates)


def make_sharing(block: Any, iterations: int, value: Any) -> WeightSharing:
    """Return the kind of sharing that accepts `value`, the argument of a loop."""
    if isinstance(value, Iterator):
        value = list(value)
    for kind in KINDS:
        if kind.accepts(value):
            return kind(block, iterations, value)
    if isinstance(value, str):
        check_one_of("sharing", value, [kind.name for kind in KINDS if kind.name])
    raise ValueError(
        "`sharing` must be 'all', 'none', a sequence of group ids, integers, or a "
        f"TemplateBank. Received: sharing={value!r}."
    )


__all__ = ["KINDS", "WeightSharing", "make_sharing"]
