"""Parts of a network for its picture, from the input to the readout."""

import dataclasses
import itertools
import math
from collections import Counter
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_recur.inference._graph import has_loop
from keras_recur.layers import (
    Readout,
    RecurrentGraph,
    SharedRecurrentBlock,
    TimeSpecificBatchNormalization,
)

_SHORT = {
    "BatchNormalization": "BatchNorm",
    "GroupNormalization": "GroupNorm",
    "TimeSpecificBatchNormalization": "BatchNorm per iteration",
    "GlobalAveragePooling2D": "average",
}


@dataclasses.dataclass
class Box:
    """One box of the picture."""

    title: str
    what: str = ""
    shape: str = ""
    parameters: int = 0  # Not counted in an earlier box.
    weights: int | None = None  # Boxes with the same number share weights.
    iterations: int = 0
    # For each kernel: number of its bank, and share of each template.
    mix: list[tuple[int, Any]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Part:
    """Boxes of one loop, or of layers outside of loops."""

    boxes: list[Box]
    loop: Any = None
    banks: list[Box] = dataclasses.field(default_factory=list)

    @property
    def graph(self) -> RecurrentGraph | None:
        """State graph of this part, or `None`."""
        return self.loop if isinstance(self.loop, RecurrentGraph) else None


def parts_of(model: keras.Model, max_boxes: int) -> list[Part]:
    """Return the parts of a model in order, with at most `max_boxes` per loop."""
    parts, plain = [], []
    layers = list(_outermost(model))
    loops = [la for la in layers if isinstance(la, SharedRecurrentBlock)]

    def close():
        if plain:
            parts.append(Part([_plain_box(plain)]))
            plain.clear()

    for layer in layers:
        if isinstance(layer, keras.layers.InputLayer):
            shape = tuple(layer.output.shape[1:])
            what = "of any size" if None in shape else ""
            parts.append(Part([Box("input", what, size(shape))]))
        elif isinstance(layer, SharedRecurrentBlock | RecurrentGraph | Readout):
            close()
            if isinstance(layer, SharedRecurrentBlock):
                name = f"{layer.name}, " if len(loops) > 1 else ""
                parts.append(_loop_part(layer, max_boxes, name))
            elif isinstance(layer, RecurrentGraph):
                box = Box(layer.name, shape=_shape(layer), parameters=count(layer))
                parts.append(Part([box], layer))
            else:
                what = f"{layer.head.name}: {_kinds([layer.head])}"
                box = Box(layer.name, what, _shape(layer), count(layer))
                parts.append(Part([box]))
        else:
            if plain and not _joins(plain, layer):
                close()
            plain.append(layer)
    close()
    return parts


def _outermost(model):
    """Yield the layers of a model, and of nested models that have a loop."""
    for layer in model.layers:
        if not has_loop(layer):
            yield layer
            continue
        for inner in _outermost(layer):
            if not isinstance(inner, keras.layers.InputLayer):
                yield inner


def count(layer: Any) -> int:
    """Return the number of trainable parameters."""
    return sum(math.prod(v.shape) for v in layer.trainable_variables)


def size(shape: Any) -> str:
    """Return a shape such as `32×32×3`, with `?` for unknown sizes."""
    return "×".join("?" if n is None else str(n) for n in shape) or "one number"


def _joins(plain, layer):
    """Return whether a layer joins the box of earlier layers, by weights and name."""
    if not layer.weights or not any(before.weights for before in plain):
        return True
    named = next(before for before in plain if before.weights)
    return named.name.split("_")[0] == layer.name.split("_")[0]


def _plain_box(layers):
    named = [layer for layer in layers if layer.weights] or layers
    words = zip(*(layer.name.split("_") for layer in named), strict=False)
    same = itertools.takewhile(lambda w: len(set(w)) == 1, words)
    title = "_".join(w[0] for w in same) or named[0].name
    return Box(title, _kinds(layers), _shape(named[-1]), sum(map(count, layers)))


def _loop_part(loop, max_boxes, name):
    boxes = _soft_boxes(loop) if loop.banks else _hard_boxes(loop)
    for t, box in enumerate(boxes, start=1):
        box.title = f"{name}iteration {t}"
    if len(boxes) > max_boxes:
        first = max_boxes - 2
        middle = _together(boxes[first:-1])
        middle.title = f"{name}iterations {first + 1} to {len(boxes) - 1}"
        boxes = [*boxes[:first], middle, boxes[-1]]
    banks = []
    for bank in loop.banks:
        k = bank.num_templates
        title = f"{k} template{'s' * (k != 1)}"
        banks.append(Box(title, "", size(bank.kernel_shape), count(bank)))
    return Part(boxes, loop, banks)


def _hard_boxes(loop):
    boxes, seen = [], set()
    for group in loop.groups:
        block = loop.blocks[group]
        own = _rows(block) // loop.weight_sharing.group_sizes[group]
        new = 0 if group in seen else count(block) - _rows(block)
        seen.add(group)
        boxes.append(Box("", _kinds([block]), _shape(loop), own + new, group, 1))
    return boxes


def _soft_boxes(loop):
    own = (count(loop) - sum(map(count, loop.banks))) // loop.iterations
    boxes = []
    for t in range(loop.iterations):
        mix = []
        for b, bank in enumerate(loop.banks):
            m = loop.weight_sharing.kernels_per_iteration(b)
            rows = np.abs(ops.convert_to_numpy(bank.coefficients))[t * m : (t + 1) * m]
            mix += [(b, row / max(row.sum(), 1e-12)) for row in rows]
        what = _kinds([loop.block])
        boxes.append(Box("", what, _shape(loop), own, None, 1, mix))
    return boxes


def _together(boxes):
    """Return one box for several iterations."""
    sets = {box.weights for box in boxes}
    return Box(
        "",
        f"{len(boxes)} times the same layers",
        boxes[0].shape,
        sum(box.parameters for box in boxes),
        sets.pop() if len(sets) == 1 else None,
        len(boxes),
    )


def _rows(block):
    """Return the number of parameters that are separate for each iteration."""
    return sum(
        count(layer)
        for layer in block._flatten_layers()
        if isinstance(layer, TimeSpecificBatchNormalization)
        and layer.affine == "per_iteration"
    )


def _shape(layer):
    leaves = [tuple(x.shape[1:]) for x in tree.flatten(layer.output)]
    if isinstance(layer, SharedRecurrentBlock) and layer.return_sequences:
        leaves = [shape[1:] for shape in leaves]
    return size(leaves[0]) if len(leaves) == 1 else f"{len(leaves)} tensors"


def _kinds(layers):
    """Return the number and the kinds of layers with weights."""
    inner = [
        layer
        for outer in layers
        for layer in outer._flatten_layers()
        if not layer._layers and not isinstance(layer, keras.layers.InputLayer)
    ]
    found = Counter(_kind(layer) for layer in inner if layer.weights)
    found = found or Counter(_kind(layer) for layer in inner)
    return ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in found.items())


def _kind(layer):
    name = type(layer).__name__
    kernel = getattr(layer, "kernel_size", ())
    return " ".join(filter(None, (_SHORT.get(name, name), "×".join(map(str, kernel)))))
