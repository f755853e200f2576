"""Masks of padding in loops and readouts."""

# Keras attaches masks to tensors. Arithmetic, branches and compiled loops lose them.

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops, tree

from keras_recur._keras import compute_output_spec, get_keras_mask, set_keras_mask
from keras_recur.layers._walk import walk


def masks_of(nest: Any) -> list[Any]:
    """Return the mask of every tensor of a nest, `None` for tensors without one."""
    return [get_keras_mask(leaf) for leaf in tree.flatten(nest)]


def ranks_of(masks: Sequence[Any]) -> tuple[int | None, ...]:
    """Return the rank of every mask, `None` for no mask."""
    return tuple(None if mask is None else len(mask.shape) for mask in masks)


def makes_masks(block: Any) -> bool:
    """Return whether a layer of the block may mask inputs without a mask."""
    inherited = keras.layers.Layer.compute_mask
    makers = keras.layers.Masking, keras.layers.Embedding
    return any(
        isinstance(layer, makers)
        or (
            type(layer).compute_mask is not inherited
            and not type(layer).__module__.startswith(("keras.src.", "keras_recur."))
        )
        for layer in walk(block)
    )


def output_masks(
    block: Any, inputs: Any, ranks: Sequence[int | None]
) -> tuple[int | None, ...]:
    """Return the ranks of the masks of a block's outputs, from a symbolic call."""
    found = []

    def called(leaves, masks):
        left = iter(masks)
        given = [next(left) if rank else None for rank in ranks]
        outputs = block(attach(tree.pack_sequence_as(inputs, leaves), given))
        found.append(ranks_of(masks_of(outputs)))
        return outputs

    leaves = [keras.KerasTensor(x.shape, x.dtype) for x in tree.flatten(inputs)]
    pairs = zip(leaves, ranks, strict=True)
    masks = [keras.KerasTensor(x.shape[:rank], "bool") for x, rank in pairs if rank]
    compute_output_spec(called, leaves, masks)
    return found[-1]


def attach(nest: Any, masks: Sequence[Any]) -> Any:
    """Return the nest with these masks and no others attached to its tensors."""
    leaves, changed = tree.flatten(nest), False
    for i, (leaf, mask) in enumerate(zip(leaves, masks, strict=True)):
        old = get_keras_mask(leaf)
        if old is mask:
            continue
        if not isinstance(leaf, keras.KerasTensor):
            # The tensor may belong to the user.
            leaves[i], changed = ops.copy(leaf), True
        if mask is not None:
            set_keras_mask(leaves[i], mask)
    return tree.pack_sequence_as(nest, leaves) if changed else nest


def mapped(function: Callable, nest: Any) -> Any:
    """Apply a function that keeps the shape to every tensor; masks stay attached."""
    masks = masks_of(nest)
    nest = tree.map_structure(function, nest)
    return nest if masks == [None] * len(masks) else attach(nest, masks)


def joined(function: Callable, nests: Sequence[Any], axis: int) -> Any:
    """Join nests and their masks along `axis` with a function of a list of tensors."""
    nest = tree.map_structure(lambda *leaves: function(list(leaves), axis), *nests)
    columns = list(zip(*map(masks_of, nests), strict=True))
    if all(mask is None for column in columns for mask in column):
        return nest
    masks: list[Any] = []
    for column in columns:
        known = next((mask for mask in column if mask is not None), None)
        if known is not None:
            # Nothing is masked in the nests without a mask.
            column = [ops.ones_like(known) if m is None else m for m in column]
            known = function(column, axis)
        masks.append(known)
    return attach(nest, masks)


def packed(nest: Any, slots: Sequence[int | None]) -> list[Any]:
    """Return the masks of the tensors that have a slot, all `True` for no mask."""
    # Compiled loops must carry values of the same form after every iteration.
    found = []
    for leaf, mask, rank in zip(tree.flatten(nest), masks_of(nest), slots, strict=True):
        if rank:
            mask = _unmasked(leaf, rank) if mask is None else mask
            found.append(ops.cast(mask, "bool"))
    return found


def unpacked(nest: Any, slots: Sequence[int | None], masks: Sequence[Any]) -> Any:
    """Attach masks from `packed` to the nest."""
    if not any(slots):
        return nest
    left = iter(masks)
    return attach(nest, [next(left) if slot else None for slot in slots])


def _unmasked(leaf, rank):
    return ops.ones(ops.shape(leaf)[:rank], dtype="bool")


def answer_mask(logits: Any, mask: Any = None) -> Any:
    """Return the mask of the positions of logits, or `None` if there is none."""
    mask = get_keras_mask(logits) if mask is None else mask
    # A layer that removes the time axis may leave a mask of another shape.
    fits = mask is not None and len(mask.shape) == len(logits.shape) - 1
    return mask if fits else None


def without_padding(targets: Any, logits: Any) -> tuple[Any, Any]:
    """Return targets that are -1 (not scored) in padding, and logits without a mask."""
    mask = answer_mask(logits)
    if mask is None:
        return targets, attach(logits, [None])
    targets = ops.convert_to_tensor(targets)
    if "float" not in str(targets.dtype):
        targets = ops.cast(targets, "int32")  # Unsigned integers have no -1.
    rank = len(targets.shape)
    column = rank > 1 and targets.shape[-1] == 1 != logits.shape[-2]
    if len(mask.shape) == rank - column + 1:
        mask = ops.any(mask, axis=1)
    if len(mask.shape) == rank - column:
        mask = ops.expand_dims(mask, -1) if column else mask
        targets = ops.where(mask, targets, -1)
    # Keras would multiply the loss by a mask that stays attached.
    return targets, attach(logits, [None])


@keras.saving.register_keras_serializable(package="keras_recur")
class OutputMask(keras.layers.Layer):
    """Return the mask of a tensor, all `True` for no mask, to a Functional model."""

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape):
        pass

    def call(self, x):
        # The masks of loops and readouts are only known when they run.
        mask = get_keras_mask(x)
        return _unmasked(x, len(x.shape) - 1) if mask is None else mask

    def compute_mask(self, inputs, previous_mask):
        """Return `None`: the mask itself has no mask."""
        return

    def compute_output_spec(self, x):
        mask = get_keras_mask(x)
        shape = x.shape[:-1] if mask is None else mask.shape
        return keras.KerasTensor(shape, dtype="bool")


def readable(outputs: Any) -> Any:
    """Make the masks of symbolic outputs readable for a Functional model."""
    for leaf in tree.flatten(outputs):
        if isinstance(leaf, keras.KerasTensor) and get_keras_mask(leaf) is not None:
            set_keras_mask(leaf, OutputMask()(leaf))
    return outputs
