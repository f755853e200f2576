"""From a family's one description to both twins."""

import contextlib
import inspect
from collections.abc import Sequence
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
from keras_recur.zoo.pair import Pair
from keras_recur.zoo.start import Start


def build(
    name: str,
    *,
    input_shape: Sequence[int | None] | None = None,
    num_classes: int | None = None,
    width: int | None = None,
    iterations: int | None = None,
    sharing: str | Sequence[int] | TemplateBank | None = None,
    templates: int | str | None = None,
    recurrence: float = 0.0,
    match: str = "depth",
    readout: str = "last",
    initializer: str | None = None,
    unroll: bool = True,
    remat: bool = False,
    dtype: Any = None,
    seed: int | None = None,
    **options: Any,
) -> Pair:
    """Builds a recurrent network and its feed-forward twin.

    Every argument but the name has a default, which `describe(name)` shows. Both twins
    return logits.

    Args:
        name: One of `list_models()`.
        input_shape: Shape of one example, channels last, without the batch. Fully
            convolutional families take `None` for sizes.
        num_classes: Number of classes, of the image or of every position.
        width: Units or channels of the state.
        iterations: How often the block is applied.
        sharing: How the recurrent twin shares: `"all"`, a sequence with a group id per
            iteration, or a `TemplateBank`. Default: `"all"`, and soft sharing where
            `templates` are given, or are a default of the family. The feed-forward
            twin shares nothing.
        templates: Soft sharing: every iteration's kernels are a mix of so many
            templates, for any family; `"layers"` for one per layer of a bank.
        recurrence: With `templates`: strength of the penalty that draws the layers of
            a bank together, `RecurrenceRegularizer`. Default 0: none.
        match: `"depth"` (default): both twins have the same width. `"parameters"`:
            the feed-forward twin has the width whose parameter count comes nearest
            to the recurrent's without passing it.
        readout: `"last"` (default): logits of the last iteration. `"all"`: of every
            iteration, `(batch, iterations, ...)`, from the same head.
        initializer: `"torch_default"`, which most of the papers' code used, or the
            name of a Keras initializer for kernels. Default: the family's.
        unroll: As in `SharedRecurrentBlock`.
        remat: As in `SharedRecurrentBlock`.
        dtype: Dtype policy of all layers. Default: the global one.
        seed: Seed of the initial weights. With the same seed both twins start with
            the same first and last layers and the same first iteration.
        **options: Options of the family, such as `injection`.

    Returns:
        A `Pair` with `recurrent` and `feedforward`.

    Raises:
        ValueError: for an unknown name, argument or choice, with the nearest one, for
            sizes that are not positive integers, and a `recurrence` below 0 or not
            finite.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_2d", width=16, iterations=4)
    >>> pair.recurrent(np.zeros((1, 24, 24, 3))).shape
    (1, 24, 24, 2)
    """
    family = describe(name)
    sizes = {
        "input_shape": input_shape,
        "num_classes": num_classes,
        "width": width,
        "iterations": iterations,
    }
    given = {k: v for k, v in sizes.items() if v is not None} | options
    arguments = dict(family.defaults)
    usual = arguments.pop("templates", None)
    initializer = initializer or family.initializer
    for key, value in given.items():
        if key not in arguments:
            known = {*inspect.signature(build).parameters, *arguments}
            known -= {"options", "name", "iterations"} - {*arguments}
            raise ValueError(
                f"{name} has no argument {key!r}. Allowed: {', '.join(sorted(known))}."
                f"{nearest(key, known)}"
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
    seed = Start(initializer, seed).seed
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())

    def network(sharing, width):
        with _policy_and_layout(policy):
            start = Start(initializer, seed)
            if sharing is None:
                sharing = start.bank(templates, recurrence) if templates else "all"
            return family.network(
                start,
                **{**arguments, "width": width},
                sharing=sharing,
                readout=readout,
                unroll=unroll,
                remat=remat,
            )

    recurrent = network(sharing, arguments["width"])
    twin_width = arguments["width"]
    if match == "parameters":
        most = trainable_parameters(recurrent)
        twin_width = _matching_width(family, network, twin_width, most)
    config = {
        "name": name,
        **arguments,
        **_plain(sharing, templates, recurrence),
        "match": match,
        "readout": readout,
        "initializer": initializer,
        "unroll": unroll,
        "remat": remat,
        "dtype": policy.name,
        "seed": seed,
    }
    return Pair(recurrent, network("none", twin_width), config, twin_width)


def _matching_width(family, network, width, most):
    """The largest width whose feed-forward network has at most `most` parameters."""
    step = family.width_multiple
    low, high = 0, width // step
    while low < high:
        middle = (low + high + 1) // 2
        if trainable_parameters(network("none", middle * step)) <= most:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        raise ValueError(
            f"No feed-forward {family.name} has as few parameters as the recurrent "
            f"one, {most:,}. Received: width={width}. Build it wider, or with fewer "
            "iterations."
        )
    return low * step


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
