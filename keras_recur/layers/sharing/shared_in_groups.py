"""Sharing in groups: the sets of tied weights of Liao and Poggio 2016."""

import numbers
from collections.abc import Iterable

from keras_recur.layers._copies import copy_block, own_block
from keras_recur.layers.sharing.weight_sharing import WeightSharing, check_copies


class SharedInGroups(WeightSharing):
    """One copy of the block per group. With `"none"` each iteration is a group."""

    name = "none"

    def __init__(self, block, iterations, value):
        if not isinstance(value, str):
            value = [int(group) for group in value]
        super().__init__(block, iterations, value)

    @classmethod
    def accepts(cls, value):
        if isinstance(value, str):
            return value == cls.name
        return isinstance(value, Iterable) and all(map(_is_integer, value))

    def _groups(self):
        if self.value == self.name:
            check_copies(self.iterations, self.iterations, "sharing='none'")
            return list(range(self.iterations))
        if len(self.value) != self.iterations:
            raise ValueError(
                "`sharing` must name a group for every iteration. Received: "
                f"{len(self.value)} group ids, sharing={self.value}, for iterations="
                f"{self.iterations}."
            )
        numbers_of = {group: n for n, group in enumerate(dict.fromkeys(self.value))}
        check_copies(len(numbers_of), self.iterations, "as many groups")
        return [numbers_of[group] for group in self.value]

    def make_blocks(self, block):
        first, *others = self.group_sizes
        self.blocks = [own_block(block, first)]
        for copy, size in enumerate(others, start=1):
            self.blocks.append(copy_block(block, copy, size))
        return self.blocks


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
