"""Masks of padding in a loop."""

from typing import Any

import keras
from keras import tree

from keras_recur.layers._masks import (
    attach,
    makes_masks,
    masks_of,
    output_masks,
    ranks_of,
)
from keras_recur.layers.iteration import iteration_scope


class LoopMasks:
    """The ranks of the masks that a block makes, from symbolic calls of the block."""

    def __init__(self, block: keras.layers.Layer, inputs: Any, rows: int):
        self._block, self._inputs, self._rows = block, inputs, rows
        nothing = (None,) * len(tree.flatten(inputs))
        # If this class were a Keras layer, Keras would change this dictionary.
        self._ranks: dict[Any, Any] = {}
        if not makes_masks(block):
            self._ranks[nothing] = nothing

    def after(self, ranks: tuple) -> tuple:
        """Return the ranks of the masks after an iteration, from those before it."""
        if ranks not in self._ranks:
            with iteration_scope(0, self._rows):
                self._ranks[ranks] = output_masks(self._block, self._inputs, ranks)
        return self._ranks[ranks]

    def slots(self, masks: list[Any]) -> list[int | None]:
        """Return the rank of each tensor's mask, `None` if it never has one."""
        slots, ranks = ranks_of(masks), ranks_of(masks)
        for _ in range(len(slots) + 1):
            ranks = self.after(ranks)
            slots = tuple(s or r for s, r in zip(slots, ranks, strict=True))
        return list(slots)

    def attach_specs(
        self, outputs: Any, masks: list[Any], iterations: int, collect: bool
    ) -> None:
        """Attach symbolic masks to the symbolic outputs of a loop."""
        ranks = ranks_of(masks)
        seen = [None] * len(ranks)
        for _ in range(min(iterations, len(ranks) + 1)):
            ranks = self.after(ranks)
            seen = [s or r for s, r in zip(seen, ranks, strict=True)]
        for leaf, rank in zip(
            tree.flatten(outputs), seen if collect else ranks, strict=True
        ):
            if rank:
                shape = leaf.shape[: rank + 1 if collect else rank]
                attach(leaf, [keras.KerasTensor(shape, "bool")])


def first_masks(x: Any, injected: Any, mask: Any) -> list[Any]:
    """Return the given or the attached masks of the first state's tensors."""
    masks = masks_of(x)
    if mask is not None:
        given = tree.flatten(mask)
        if len(given) != len(masks):
            raise ValueError(
                "`mask` must have the state's structure. Received: a mask of "
                f"{len(given)} tensors for a state of {len(masks)}."
            )
        masks = [a if g is None else g for a, g in zip(masks, given, strict=True)]
    if injected is not None:
        shown = masks_of(injected)
        masks = [s if m is None else m for m, s in zip(masks, shown, strict=True)]
    return masks
