"""What `zoo.build` was asked for, checked, and the networks that it means."""

import contextlib
import functools
import inspect
from typing import Any

import keras

from keras_recur._validation import (
    check_one_of,
    check_positive_int,
    check_strength,
    nearest,
)
from keras_recur.layers import TemplateBank
from keras_recur.zoo.costs import trainable_parameters
from keras_recur.zoo.family import Family, describe
from keras_recur.zoo.start import Start


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
        recurrence: float,
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
                arguments[key] = check_positive_int(key, arguments[key])
        if sharing is None and templates is None:
            templates = usual
        recurrence = check_strength("recurrence", recurrence)
        _check_sharing(sharing, templates, recurrence)
        if isinstance(sharing, dict):
            sharing = keras.saving.deserialize_keras_object(sharing)
        check_one_of("match", match, ("depth", "parameters"))
        check_one_of("readout", readout, ("last", "all"))
        _check_width(family, arguments["width"])
        self._arguments = arguments
        self._sharing, self._templates = sharing, templates
        self._recurrence = recurrence
        self._policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        initializer = initializer or family.initializer
        seed = Start(initializer, seed).seed
        self.config = {
            "name": name,
            **arguments,
            **_plain(sharing, templates, recurrence),
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
        start = Start(self.config["initializer"], self.config["seed"])
        with _policy_and_layout(self._policy):
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


def _check_sharing(sharing, templates, recurrence):
    if templates is not None:
        if isinstance(templates, str):
            check_one_of("templates", templates, ("layers",))
        else:
            check_positive_int("templates", templates)
        if sharing is not None:
            raise ValueError(
                "`templates` is a way of sharing itself. Received: "
                f"sharing={sharing!r}, templates={templates}. Give one of them."
            )
    if recurrence and templates is None:
        raise ValueError(
            "`recurrence` draws the layers of a template bank together. Received: "
            f"recurrence={recurrence} without `templates`. Give `templates` too."
        )


def _plain(sharing, templates, recurrence):
    """What was asked for, as data that JSON can hold."""
    if templates is not None:
        return {"sharing": None, "templates": templates, "recurrence": recurrence}
    if isinstance(sharing, TemplateBank):
        return {"sharing": keras.saving.serialize_keras_object(sharing)}
    if sharing is None or isinstance(sharing, str):
        return {"sharing": sharing or "all"}
    return {"sharing": list(sharing)}


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
        shape = tuple(shape)
    except TypeError:
        shape = (shape,)
    right = len(shape) == len(default)
    for size, usual in zip(shape, default, strict=False):
        open_size = size is None and usual is None
        right = right and (open_size or (isinstance(size, int) and size > 0))
    if not right:
        raise ValueError(
            f"`input_shape` of {family.name} must be like {default}: "
            f"{len(default)} positive integers"
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
