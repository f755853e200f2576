"""What `zoo.build` was asked for, checked, and the networks that it means."""

import contextlib
import functools
import inspect
from typing import Any

import keras
import numpy as np

from keras_recur._limits import (
    MAX_COPIES,
    MAX_ITERATIONS,
    MAX_SIZE,
    check_size,
)
from keras_recur._memory import check_memory, out_of_memory
from keras_recur._validation import (
    check_flag,
    check_integer,
    check_one_of,
    check_strength,
    check_type,
    nearest,
)
from keras_recur.layers import TemplateBank
from keras_recur.zoo.costs import trainable_parameters
from keras_recur.zoo.family import Family, describe
from keras_recur.zoo.initializers import SeededInitializers


class Plan:
    """Arguments as of `zoo.build`. Each network is made when it is asked for.

    Attributes:
        recurrent: The network that shares weights over iterations.
        feedforward: The network with weights of its own for every iteration.
        feedforward_width: Its width, which `match="parameters"` makes smaller.
        config: All arguments that `zoo.build` needs to make the pair again.
    """

    def __init__(
        self,
        name: str,
        input_shape: Any,
        num_classes: int | None,
        width: int | None,
        iterations: int | None,
        sharing: Any,
        templates: int | str | None,
        recurrence_penalty: float,
        match: str,
        readout: str,
        initializer: str | None,
        unroll: bool,
        remat: bool,
        dtype: Any,
        seed: int | None,
        options: dict[str, Any],
    ):
        self.family = family = describe(name)
        sizes = {
            "input_shape": input_shape,
            "num_classes": num_classes,
            "width": width,
            "iterations": iterations,
        }
        options = {k: _plain_number(v) for k, v in options.items()}
        given = {k: v for k, v in sizes.items() if v is not None} | options
        arguments = dict(family.defaults)
        usual = arguments.pop("templates", None)
        for key, value in given.items():
            if key not in arguments:
                known = {*inspect.signature(Plan).parameters, *arguments}
                known -= {"options", "name", "iterations"} - {*arguments}
                raise ValueError(
                    f"{name} has no argument {key!r}. Allowed: "
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
                "`num_classes` must be 2 or more, since a softmax over one class is "
                "always 1. Received: num_classes=1. Use num_classes=2 for two classes, "
                "with labels 0 and 1."
            )
        if sharing is None and templates is None:
            templates = usual
        recurrence_penalty = check_strength("recurrence_penalty", recurrence_penalty)
        _check_sharing(sharing, templates, recurrence_penalty)
        if isinstance(sharing, dict):
            sharing = keras.saving.deserialize_keras_object(sharing)
        check_one_of("match", match, ("depth", "parameters"))
        check_one_of("readout", readout, ("last", "all"))
        _check_width(family, arguments["width"])
        self._arguments = arguments
        self._sharing, self._templates = sharing, templates
        self._recurrence = recurrence_penalty
        unroll, remat = check_flag("unroll", unroll), check_flag("remat", remat)
        self._policy = _check_policy(dtype)
        if initializer is None:
            initializer = family.initializer
        seed = SeededInitializers(initializer, seed).seed
        size: Any = arguments["width"]
        check_memory(f"A kernel of {name}", 4 * size**2, f"width={size}")
        self.config = {
            "name": name,
            **arguments,
            **_plain(sharing, templates, recurrence_penalty),
            "match": match,
            "readout": readout,
            "initializer": initializer,
            "unroll": unroll,
            "remat": remat,
            "dtype": self._policy.name,
            "seed": seed,
        }

    @functools.cached_property
    def recurrent(self) -> keras.Model:
        return self._network(self._sharing, self.config["width"])

    @functools.cached_property
    def feedforward(self) -> keras.Model:
        return self._network("none", self.feedforward_width)

    @functools.cached_property
    def feedforward_width(self) -> int:
        if self.config["match"] == "depth":
            return self.config["width"]
        most = trainable_parameters(self.recurrent)
        step = self.family.width_multiple
        low, high = 0, self.config["width"] // step
        while low < high:
            middle = (low + high + 1) // 2
            narrower = self._network("none", middle * step)
            if trainable_parameters(narrower) <= most:
                low = middle
            else:
                high = middle - 1
        if low == 0:
            raise ValueError(
                f"No feed-forward {self.family.name} has as few parameters as the "
                f"recurrent one, {most:,}. Received: width={self.config['width']}. "
                "Build it wider, or with fewer iterations."
            )
        return low * step

    def _network(self, sharing, width):
        start = SeededInitializers(self.config["initializer"], self.config["seed"])
        with _policy_and_layout(self._policy), _memory_in_one_sentence(self.config):
            if sharing is None:
                sharing = "all"
                if self._templates:
                    sharing = start.bank(self._templates, self._recurrence)
            return self.family.network(
                start,
                **{**self._arguments, "width": width},
                sharing=sharing,
                **{k: self.config[k] for k in ("readout", "unroll", "remat")},
            )


def _plain_number(value):
    """NumPy's numbers as Python's, which a config can hold."""
    return value.item() if isinstance(value, np.generic) else value


def _check_policy(dtype):
    """The dtype policy that is meant, by default the global one."""
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


@contextlib.contextmanager
def _memory_in_one_sentence(config):
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        keys = ("name", "input_shape", "num_classes", "width", "iterations")
        sizes = ", ".join(f"{k}={config[k]!r}" for k in keys if k in config)
        raise ValueError(
            f"The network must fit into memory, but memory ran out. Received: {sizes}. "
            "Choose smaller sizes."
        ) from None


def _check_sharing(sharing, templates, recurrence_penalty):
    kinds = str | list | tuple | range | dict | np.ndarray | TemplateBank
    if sharing is not None:
        what = "'all', 'none', a list or a TemplateBank"
        check_type("sharing", sharing, kinds, what)
    if templates is not None:
        if isinstance(templates, str):
            check_one_of("templates", templates, ("layers",))
        else:
            check_size("templates", templates, MAX_COPIES)
        if sharing is not None:
            raise ValueError(
                "`templates` is a way of sharing itself. Received: "
                f"sharing={sharing!r}, templates={templates}. Give one of them."
            )
    if recurrence_penalty and templates is None:
        raise ValueError(
            "`recurrence_penalty` draws the layers of a template bank together. Received: "
            f"recurrence_penalty={recurrence_penalty} without `templates`. Give `templates` too."
        )


def _plain(sharing, templates, recurrence_penalty):
    """What was asked for, as data that JSON can hold."""
    if templates is not None:
        return {
            "sharing": None,
            "templates": templates,
            "recurrence_penalty": recurrence_penalty,
        }
    if isinstance(sharing, TemplateBank):
        return {"sharing": keras.saving.serialize_keras_object(sharing)}
    if sharing is None or isinstance(sharing, str):
        return {"sharing": sharing or "all"}
    if isinstance(sharing, dict):  # By state, as RecurrentGraph takes it.
        return {"sharing": dict(sharing)}
    return {"sharing": [_plain_number(group) for group in sharing]}


def _check_width(family: Family, width: int):
    step = family.width_multiple
    if width % step:
        raise ValueError(
            f"The width of {family.name} must be a multiple of {step}. Received: "
            f"width={width}. Nearest: {max(step, width // step * step)}."
        )


def _check_input_shape(family: Family, shape: Any) -> tuple[int | None, ...]:
    default = family.defaults["input_shape"]
    try:
        shape = tuple(_plain_number(size) for size in shape)
    except TypeError:
        shape = (_plain_number(shape),)
    right = len(shape) == len(default)
    for size, usual in zip(shape, default, strict=False):
        open_size = size is None and usual is None
        closed = isinstance(size, int) and not isinstance(size, bool)
        closed = closed and 0 < int(size or 0) <= MAX_SIZE
        right = right and (open_size or closed)
    if not right:
        raise ValueError(
            f"`input_shape` of {family.name} must be like {default}: "
            f"{len(default)} positive integers of at most {MAX_SIZE:,}"
            f"{', sizes may be None' if None in default else ''}. Received: "
            f"input_shape={shape}."
        )
    return shape


@contextlib.contextmanager
def _policy_and_layout(policy):
    """All layers made within have this dtype policy, and channels last."""
    before = keras.config.dtype_policy(), keras.config.image_data_format()
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before[0])
        keras.config.set_image_data_format(before[1])
