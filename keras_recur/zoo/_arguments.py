"""Checks of the arguments of `zoo.build`."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_recur._limits import MAX_COPIES, MAX_ITERATIONS, MAX_SIZE, check_size
from keras_recur._memory import check_memory
from keras_recur._validation import (
    check_integer,
    check_one_of,
    check_strength,
    check_type,
    nearest,
)
from keras_recur.layers import TemplateBank
from keras_recur.layers._walk import loops_in
from keras_recur.zoo.family import Family

# Arguments of every family. All others must be in the defaults of the family.
_COMMON = {
    "input_shape",
    "num_classes",
    "width",
    "sharing",
    "templates",
    "recurrence_penalty",
    "match",
    "readout",
    "initializer",
    "unroll",
    "remat",
    "detach_every",
    "gradient_iterations",
    "dtype",
    "seed",
}


def check_arguments(
    family: Family, sizes: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a family, with its defaults for those not given."""
    options = {key: plain_number(value) for key, value in options.items()}
    arguments = {k: v for k, v in family.defaults.items() if k != "templates"}
    given = {k: v for k, v in sizes.items() if v is not None} | options
    for key, value in given.items():
        if key not in arguments:
            known = _COMMON | set(arguments)
            raise ValueError(
                f"{family.name} has no argument {key!r}. Allowed: "
                f"{', '.join(sorted(known))}.{nearest(key, known)}"
            )
        if value is not None:
            arguments[key] = value
    arguments["input_shape"] = _check_input_shape(family, arguments["input_shape"])
    for key in ("num_classes", "width", "iterations"):
        if key in arguments:
            limit = MAX_ITERATIONS if key == "iterations" else MAX_SIZE
            arguments[key] = check_size(key, arguments[key], limit)
    for key, value in options.items():
        if isinstance(value, int) and not isinstance(value, bool):
            check_integer(key, value, min(value, 0), maximum=MAX_SIZE)
    if arguments["num_classes"] < 2:
        raise ValueError(
            "`num_classes` must be 2 or more, because a softmax over one class is "
            "always 1. Received: num_classes=1. Use num_classes=2 for two classes, "
            "with labels 0 and 1."
        )
    for key, allowed in family.choices.items():
        check_one_of(key, arguments[key], allowed)
    _check_width(family, arguments["width"])
    _check_sizes_fit(family, arguments)
    return arguments


def check_sharing(
    sharing: Any, templates: Any, recurrence_penalty: Any
) -> dict[str, Any]:
    """Return the sharing of the recurrent twin, as data for a config."""
    recurrence_penalty = check_strength("recurrence_penalty", recurrence_penalty)
    if sharing is not None:
        kinds = str | list | tuple | range | dict | np.ndarray | TemplateBank
        check_type("sharing", sharing, kinds, "'all', 'none', a list or a TemplateBank")
        if isinstance(sharing, str):
            check_one_of("sharing", sharing, ("all", "none"))
    if templates is not None:
        if isinstance(templates, str):
            check_one_of("templates", templates, ("layers",))
        else:
            check_size("templates", templates, MAX_COPIES)
        if sharing is not None:
            raise ValueError(
                "Only one of `sharing` and `templates` is allowed. Received: "
                f"sharing={sharing!r}, templates={templates}. Leave one of them out."
            )
        return {
            "sharing": None,
            "templates": templates,
            "recurrence_penalty": recurrence_penalty,
        }
    if recurrence_penalty:
        raise ValueError(
            "`recurrence_penalty` requires template banks. Received: "
            f"recurrence_penalty={recurrence_penalty} without `templates`. Give "
            "`templates` too."
        )
    if sharing is None or isinstance(sharing, str):
        return {"sharing": sharing or "all"}
    if isinstance(sharing, TemplateBank):
        return {"sharing": keras.saving.serialize_keras_object(sharing)}
    if isinstance(sharing, dict):
        return {"sharing": dict(sharing)}
    return {"sharing": [plain_number(group) for group in sharing]}


def check_truncated(name: str, model: keras.Model, truncation: dict[str, Any]) -> None:
    """Check that the loops of a network have the given arguments."""
    for key, value in truncation.items():
        if not any(getattr(loop, key, None) == value for loop in loops_in(model)):
            raise ValueError(
                f"{name} has no SharedRecurrentBlock whose gradient could be "
                f"truncated. Received: {key}={value}. Leave `{key}` out."
            )


def check_policy(dtype: Any) -> Any:
    """Return the dtype policy, by default the global one."""
    if dtype is None:
        return keras.config.dtype_policy()
    try:
        if isinstance(dtype, str | dict | keras.dtype_policies.DTypePolicy):
            return keras.dtype_policies.get(dtype)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        "`dtype` must be a dtype policy, such as 'float32' or 'mixed_bfloat16'. "
        f"Received: dtype={dtype!r} (of type {type(dtype).__name__})."
    )


def plain_number(value: Any) -> Any:
    """Return a NumPy number as a Python number, for configs."""
    return value.item() if isinstance(value, np.generic) else value


def _check_input_shape(family, shape):
    default = family.defaults["input_shape"]
    try:
        shape = tuple(plain_number(size) for size in shape)
    except TypeError:
        shape = (plain_number(shape),)
    right = len(shape) == len(default)
    for size, usual in zip(shape, default, strict=False):
        if size is None:
            right = right and usual is None
        elif isinstance(size, bool) or not isinstance(size, int):
            right = False
        else:
            right = right and 0 < size <= MAX_SIZE
    if not right:
        raise ValueError(
            f"`input_shape` of {family.name} must be like {default}: "
            f"{len(default)} positive integers of at most {MAX_SIZE:,}"
            f"{', sizes may be None' if None in default else ''}. Received: "
            f"input_shape={shape}."
        )
    return shape


def _check_width(family, width):
    step = family.width_multiple
    if width % step:
        raise ValueError(
            f"The width of {family.name} must be a multiple of {step}. Received: "
            f"width={width}. Nearest: {max(step, width // step * step)}."
        )


def _check_sizes_fit(family, arguments):
    """Raise for a kernel or an input that does not fit into memory."""
    width, shape = arguments["width"], arguments["input_shape"]
    check_memory(f"A kernel of {family.name}", 4 * width**2, f"width={width}")
    size = 4 * math.prod(size or 1 for size in shape)
    check_memory(f"An input of {family.name}", size, f"input_shape={shape}")
