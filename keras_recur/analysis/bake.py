"""Replace mixed kernels with plain ones, for inference at a plain model's speed."""

import itertools
from typing import Any

import keras

from keras_recur.analysis._banks import names_in, rebuilt, require_banks
from keras_recur.layers import (
    SharedRecurrentBlock,
    TemplateBank,
    TemplateConv1D,
    TemplateConv2D,
    TemplateDense,
)


def bake(model: keras.Model) -> keras.Model:
    """Return a network with the mixed kernels and without template banks.

    The outputs stay the same. Loops with soft sharing become loops with
    `sharing="none"`. Layers that use kernels of a bank become Keras layers, such as
    `Conv2D` or `Dense`. `model` is not changed.

    Args:
        model: A Functional or Sequential model with template banks.

    Returns:
        A `keras.Model` with its own weights, not compiled.

    Raises:
        ValueError: If the model has no bank, or another layer changes a kernel.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), section 3.

    Example:

    >>> pair = keras_recur.zoo.build("scnn", width=4, iterations=3, templates=2)
    >>> plain = keras_recur.analysis.bake(pair.recurrent)
    >>> plain.count_params() == pair.feedforward.count_params()
    True
    """
    require_banks(model)
    loops, kernels, convolutions = [], {}, []
    taken = set(names_in(model))

    def change(layer):
        if isinstance(layer, TemplateBank | _TEMPLATE_LAYERS):
            return layer
        if not isinstance(layer, SharedRecurrentBlock) or (
            not layer.weight_sharing.derived
        ):
            return None
        plain = SharedRecurrentBlock.from_config(
            {**layer.get_config(), "sharing": "none"}
        )
        loops.append((layer, plain))
        return plain

    def call(layer, *args, **kwargs):
        if isinstance(layer, TemplateBank):
            outputs = layer(*args, **kwargs)
            kernels.update({id(k): (layer, i, k) for i, k in enumerate(outputs)})
            return outputs
        if not isinstance(layer, _TEMPLATE_LAYERS):
            return layer(*args, **kwargs)
        x, kernel = args if len(args) == 2 else (args[0], kwargs["kernel"])
        if id(kernel) not in kernels:
            raise ValueError(
                f"The kernel of {layer.name!r} must come straight from a TemplateBank "
                "to be baked. Received: a kernel that another layer has changed."
            )
        bank, number, _ = kernels[id(kernel)]
        name = layer.name
        if any(layer is other for other, *_ in convolutions):
            free = (f"{name}_{i}" for i in itertools.count(1))
            name = next(n for n in free if n not in taken)
            taken.add(name)
        plain = _plain(layer, name, kernel)
        convolutions.append((layer, plain, bank, number))
        return plain(x)

    baked = rebuilt(model, change, call)
    for layer, plain in loops:
        for t, values in enumerate(layer.weight_sharing.values()):
            plain.block_of(t).set_weights(values)
    for layer, plain, bank, number in convolutions:
        kernel = keras.ops.convert_to_numpy(bank.mix())[number]
        bias = [] if layer.bias is None else [keras.ops.convert_to_numpy(layer.bias)]
        plain.set_weights([kernel, *bias])
    return baked


_TEMPLATE_LAYERS = TemplateConv1D | TemplateConv2D | TemplateDense


def _plain(layer: Any, name: str, kernel: Any) -> keras.layers.Layer:
    """Return the Keras layer that replaces `layer` and has its own kernel."""
    config = {**layer.get_config(), "name": name}
    if isinstance(layer, TemplateDense):
        return keras.layers.Dense.from_config(config)
    depthwise = config.pop("depthwise")
    one = isinstance(layer, TemplateConv1D)
    if not depthwise:
        kind = keras.layers.Conv1D if one else keras.layers.Conv2D
        return kind.from_config(config)
    kind = keras.layers.DepthwiseConv1D if one else keras.layers.DepthwiseConv2D
    del config["filters"], config["groups"]
    config["depth_multiplier"] = kernel.shape[-1]
    return kind.from_config(config)
