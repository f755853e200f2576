"""From a family's one description to both twins."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras

from keras_recur.layers import TemplateBank
from keras_recur.zoo._plan import Plan
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
        name: One of `list_families()`.
        input_shape: Shape of one example, channels last, without the batch. Fully
            convolutional families take `None` for sizes.
        num_classes: Number of classes, of the image or of every position. At least 2.
        width: Units or channels of the state.
        iterations: How often the block is applied.
        sharing: How the recurrent twin shares: `"all"`, a sequence with a group id per
            iteration, or a `TemplateBank`. Default: `"all"`, and soft sharing where
            `templates` are given, or are a default of the family. The feed-forward
            twin shares nothing.
        templates: Soft sharing: every iteration's kernels are a mix of so many
            templates, for any family; `"layers"` for one per layer of a bank.
        recurrence_penalty: With `templates`: strength of the penalty that draws the layers of
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
        seed: Seed of the initial weights, an integer from 0 to 4294967295. With the
            same seed both twins start with the same first and last layers and the same
            first iteration. Default: drawn.
        **options: Options of the family, such as `injection`.

    Returns:
        A `Pair` with `recurrent` and `feedforward`.

    Raises:
        ValueError: for an unknown name, argument or choice, with the nearest one, for
            sizes that are not positive integers or larger than a million, for more
            iterations than weights can exist for (10,000 untied, 100,000 shared), for
            `num_classes=1`, for a network that does not fit into memory, and a
            `recurrence` below 0 or not finite.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_2d", width=16, iterations=4)
    >>> pair.recurrent(np.zeros((1, 24, 24, 3))).shape
    (1, 24, 24, 2)
    """
    plan = Plan(**locals())
    return Pair(plan.recurrent, plan.feedforward, plan.config, plan.feedforward_width)


def build_network(twin: str, name: str, **arguments: Any) -> keras.Model:
    """One twin of `build` alone, where the other would only take time and memory."""
    asked = inspect.signature(build).bind(name, **arguments)
    asked.apply_defaults()
    return getattr(Plan(**asked.arguments), twin)
