"""Build a pair of twins from the description of a family."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_recur._validation import check_flag, check_one_of
from keras_recur.layers import TemplateBank
from keras_recur.layers._loop_form import check_unroll
from keras_recur.zoo._arguments import (
    check_arguments,
    check_policy,
    check_sharing,
    check_truncated,
    plain_number,
)
from keras_recur.zoo.family import describe
from keras_recur.zoo.initializers import SeededInitializers
from keras_recur.zoo.pair import Pair


def build(
    name: str,
    *,
    input_shape: Sequence[int | None] | None = None,
    num_classes: int | None = None,
    width: int | None = None,
    iterations: int | None = None,
    sharing: str | Sequence[int] | TemplateBank | None = None,
    templates: int | str | None = None,
    recurrence_penalty: float = 0.0,
    match: str = "depth",
    readout: str = "last",
    initializer: str | None = None,
    unroll: bool | str = "auto",
    remat: bool = False,
    detach_every: int | None = None,
    gradient_iterations: int | None = None,
    dtype: Any = None,
    seed: int | None = None,
    **options: Any,
) -> Pair:
    """Build a recurrent network and its feed-forward twin, which return logits.

    `describe(name)` shows the defaults of all other arguments. The arguments are
    checked at once. Each twin is built on first use.

    Args:
        name: One of `list_families()`.
        input_shape: Shape of one example, channels last, without the batch. Fully
            convolutional families accept `None` for sizes.
        num_classes: Number of classes of the example or of every position, at least 2.
        width: Units or channels of the state.
        iterations: Number of iterations of the block.
        sharing: Sharing of the recurrent twin: `"all"`, a sequence with a group id for
            every iteration, or a `TemplateBank`. Defaults to template banks if
            `templates` are given or the family has a default for them, and to `"all"`
            otherwise. The feed-forward twin shares nothing.
        templates: Number of templates in every bank, or `"layers"` for one per layer.
            The kernels of each iteration are a mix of the templates.
        recurrence_penalty: Strength of the `RecurrenceRegularizer`, which makes the
            layers of a template bank more similar. Requires `templates`. Defaults to
            `0.0`.
        match: `"depth"` gives both twins the same width. `"parameters"` gives the
            feed-forward twin the largest width with no more parameters than the
            recurrent twin. Defaults to `"depth"`.
        readout: `"last"` returns the logits of the last iteration. `"all"` returns
            those of every iteration, `(batch, iterations, ...)`, from the same head.
            Defaults to `"last"`.
        initializer: `"torch_default"`, as in the code of most papers, or the name of a
            Keras initializer for kernels. Defaults to that of the family.
        unroll: See `SharedRecurrentBlock`. Defaults to `"auto"`.
        remat: See `SharedRecurrentBlock`. Defaults to `False`.
        detach_every: See `SharedRecurrentBlock`. It applies to the recurrent twin. All
            copies of the feed-forward twin have gradient. Defaults to `None`.
        gradient_iterations: Like `detach_every`. Defaults to `None`.
        dtype: Dtype policy of all layers. Defaults to the global policy.
        seed: Seed of the initial weights, from 0 to 4294967295. Both twins start with
            the same first and last layers and the same first iteration. Defaults to
            `None`, which draws a seed.
        **options: Options of the family, such as `injection`.

    Returns:
        A `Pair` with `recurrent` and `feedforward`.

    Raises:
        ValueError: If an argument is unknown, invalid or too large for memory, or if
            `iterations` exceed 100,000 (10,000 with separate weights).

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
    arguments = check_arguments(family, sizes, options)
    if isinstance(sharing, dict):
        sharing = keras.saving.deserialize_keras_object(sharing)
    if sharing is None and templates is None:
        templates = family.defaults.get("templates")
    shared = check_sharing(sharing, templates, recurrence_penalty)
    if sharing is None and templates is None:
        sharing = "all"
    check_one_of("match", match, ("depth", "parameters"))
    check_one_of("readout", readout, ("last", "all"))
    unroll, remat = check_unroll(unroll), check_flag("remat", remat)
    if family.check is not None:
        family.check(
            **arguments,
            templates=templates,
            readout=readout,
            unroll=unroll,
            remat=remat,
        )
    given = {"detach_every": detach_every, "gradient_iterations": gradient_iterations}
    truncation = {k: plain_number(v) for k, v in given.items() if v is not None}
    policy = check_policy(dtype)
    if initializer is None:
        initializer = family.initializer
    initializers = SeededInitializers(initializer, seed)
    config = {
        "name": name,
        **arguments,
        **shared,
        "match": match,
        "readout": readout,
        "initializer": initializers.initializer,
        "unroll": unroll,
        "remat": remat,
        **truncation,
        "dtype": policy.name,
        "seed": initializers.seed,
    }
    pair = Pair(config, sharing, policy)
    if truncation:
        check_truncated(name, pair.recurrent, truncation)
    if sharing is not None and not isinstance(sharing, str):
        _ = pair.recurrent  # Its loop checks groups and banks.
    return pair
