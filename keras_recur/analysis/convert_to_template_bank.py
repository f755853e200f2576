"""Convert a trained network to template banks without training."""

from typing import Any, NamedTuple

import keras
import numpy as np

from keras_recur._validation import check_positive_int
from keras_recur.analysis._banks import banks_of, has_graph, rebuilt
from keras_recur.analysis._logits import check_model
from keras_recur.layers import (
    SharedRecurrentBlock,
    TemplateBank,
    TemplateConv1D,
    TemplateConv2D,
    TemplateDense,
)
from keras_recur.layers._decompose import decompose

_KINDS: dict[type, type] = {
    keras.layers.Conv1D: TemplateConv1D,
    keras.layers.Conv2D: TemplateConv2D,
    keras.layers.DepthwiseConv1D: TemplateConv1D,
    keras.layers.DepthwiseConv2D: TemplateConv2D,
    keras.layers.Dense: TemplateDense,
}

_FIELDS = {
    "name",
    "trainable",
    "dtype",
    "activation",
    "use_bias",
    "bias_initializer",
    "bias_regularizer",
}
_DENSE_FIELDS = _FIELDS | {"units"}
_CONV_FIELDS = _FIELDS | {
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "groups",
    "depthwise",
}


class TemplateBankModel(NamedTuple):
    """Network with template banks, and the error of its kernels.

    Attributes:
        model: A `keras.Model`, not compiled.
        errors: Norm of the kernels' difference divided by the norm of the original
            kernels, from 0 to 1, by name of bank.
    """

    model: keras.Model
    errors: dict[str, float]


def convert_to_template_bank(
    model: keras.Model, num_templates: int
) -> TemplateBankModel:
    """Convert a trained network so that its kernels are mixes of k templates.

    Layers whose kernels have the same shape share a bank. Layers with a unique kernel
    shape, and layers inside other layers, such as the head of a `Readout`, are not
    converted. Each nested model has its own banks. Untied loops (`sharing="none"`) get
    soft sharing, so the feed-forward twin of a family becomes recurrent. Templates and
    coefficients minimize the squared error. `model` is not changed.

    Args:
        model: A Functional or Sequential model with `Conv1D`, `Conv2D`,
            `DepthwiseConv1D`, `DepthwiseConv2D`, `Dense` or untied
            `SharedRecurrentBlock` layers.
        num_templates: Number of templates k per bank. The conversion is exact with as
            many templates as layers.

    Returns:
        `TemplateBankModel(model, errors)`.

    Raises:
        ValueError: If `num_templates` is not a positive integer, or no two kernels have
            the same shape.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), for the banks. The
        templates are leading singular vectors of the kernels (Eckart and Young 1936).

    Example:

    >>> pair = keras_recur.zoo.build("scnn", width=4, iterations=3)
    >>> converted = keras_recur.analysis.convert_to_template_bank(pair.feedforward, 3)
    >>> {name: round(error, 6) for name, error in converted.errors.items()}
    {'recurrent/bank_3x3x4x4': 0.0}
    """
    check_model(model)
    check_positive_int("num_templates", num_templates)
    banks: list = []
    loops: list = []
    converted = _converted(model, num_templates, banks, loops)
    if not banks and not loops:
        raise ValueError(
            "`model` must have two kernels of one shape. Received: "
            f"{model.name!r}, whose layers have none."
        )
    names = {id(bank): name for name, bank in banks_of(converted)}
    errors = {}
    for bank, layers in banks:
        stacked = np.stack([_to_numpy(layer.kernel) for layer in layers])
        found = decompose(stacked, num_templates)
        bank.templates.assign(found.templates)
        bank.coefficients.assign(found.coefficients)
        errors[names[id(bank)]] = found.error
    for layer, loop in loops:
        fit = loop.weight_sharing.fit(layer.weight_sharing.values())
        loop.weight_sharing.assign(fit)
        for bank in loop.banks:
            errors[names[id(bank)]] = fit.errors[bank.name]
    return TemplateBankModel(converted, errors)


def _converted(model, num_templates, all_banks, loops):
    """Return the model with unassigned banks; append to `all_banks` and `loops`."""
    groups = _groups(model)
    place = {
        id(layer): (shape, number)
        for shape, layers in groups.items()
        for number, layer in enumerate(layers)
    }
    made, banks, kernels = {}, {}, {}

    def change(layer):
        if id(layer) in place:
            new = _template_layer(layer)
            made[id(new)] = layer, new
            return new
        if has_graph(layer):
            with keras.name_scope(layer.name):
                return _converted(layer, num_templates, all_banks, loops)
        if not _is_untied(layer):
            return None
        spec = keras.saving.serialize_keras_object(TemplateBank(num_templates))
        loop = SharedRecurrentBlock.from_config({**layer.get_config(), "sharing": spec})
        loops.append((layer, loop))
        return loop

    def call(layer, *args, **kwargs):
        if id(layer) not in made:
            return layer(*args, **kwargs)
        key, number = place[id(made[id(layer)][0])]
        if key not in banks:
            size = "x".join(map(str, key[1]))
            name = f"{'depthwise_' if key[0] else ''}bank_{size}"
            first = groups[key][0]
            banks[key] = TemplateBank(
                num_templates,
                key[1],
                len(groups[key]),
                templates_regularizer=getattr(first, "kernel_regularizer", None),
                dtype=first.dtype_policy,
                name=name,
            )
            kernels[key] = banks[key](args[0])
        return layer(args[0], kernels[key][number])

    converted = rebuilt(model, change, call)
    for layer, new in made.values():
        if new.bias is not None:
            new.bias.assign(_to_numpy(layer.bias))
    all_banks += [(bank, groups[key]) for key, bank in banks.items()]
    return converted


def _groups(model):
    """Return groups of two or more layers with kernels of the same shape."""
    groups: dict[Any, list] = {}
    for layer in getattr(model, "layers", ()):
        if type(layer) in _KINDS and layer.built:
            key = "Depthwise" in type(layer).__name__, tuple(layer.kernel.shape)
            groups.setdefault(key, []).append(layer)
    return {key: layers for key, layers in groups.items() if len(layers) > 1}


def _is_untied(layer):
    return isinstance(layer, SharedRecurrentBlock) and layer.sharing == "none"


def _template_layer(layer):
    kind = _KINDS[type(layer)]
    config = layer.get_config()
    shape = layer.kernel.shape
    if "Depthwise" in type(layer).__name__:
        config |= {"filters": int(shape[-2] * shape[-1]), "depthwise": True}
    fields = _DENSE_FIELDS if kind is TemplateDense else _CONV_FIELDS
    return kind.from_config({k: v for k, v in config.items() if k in fields})


def _to_numpy(variable):
    return keras.ops.convert_to_numpy(variable)
