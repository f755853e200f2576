"""Registry of families of networks."""

import dataclasses
import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from keras_recur._validation import check_name, check_string


@dataclasses.dataclass(frozen=True)
class ReportedCounts:
    """Parameter counts that follow from a paper or from its released code.

    Attributes:
        arguments: Arguments of `zoo.build` that give the networks.
        recurrent: Trainable parameters of the recurrent network.
        feedforward: Trainable parameters of its feed-forward twin.

    Example:

    >>> keras_recur.zoo.ReportedCounts({"iterations": 5}, 656_810, 817_610).recurrent
    656810
    """

    arguments: Mapping[str, Any]
    recurrent: int
    feedforward: int


@dataclasses.dataclass(frozen=True)
class Family:
    """Family of networks, described once for both twins. Printed, it reads as text.

    Attributes:
        name: Name that `zoo.build` takes.
        network: Function `network(initializers, **arguments)` that returns a
            `keras.Model`. `initializers` are `zoo.SeededInitializers`. The arguments
            are those of `defaults`, with `sharing`, `readout`, `unroll` and `remat`.
        summary: Description of the network, in one sentence.
        shares: Layers that the iterations share.
        paper: Authors, year and address of the paper.
        defaults: Default of every argument, including options. With a default for
            `"templates"`, the family has template banks.
        choices: Allowed values of options that accept only a few.
        check: Function `check(**arguments)` that raises a `ValueError` for arguments
            that the network does not accept. It gets the arguments of `network`, with
            `templates` instead of `sharing`. Defaults to `None`.
        example_shape: Input shape for counting costs if `input_shape` has open sizes.
        width_multiple: Number that `width` must be a multiple of.
        initializer: Default of the argument `initializer` of `zoo.build`.
        reported: Parameter counts that papers report.

    Example:

    >>> keras_recur.zoo.describe("mlp").defaults["width"]
    200
    """

    name: str
    network: Callable[..., Any]
    summary: str
    shares: str
    paper: str
    defaults: Mapping[str, Any]
    choices: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    check: Callable[..., None] | None = None
    example_shape: tuple[int, ...] = ()
    width_multiple: int = 1
    initializer: str = "torch_default"
    reported: tuple[ReportedCounts, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {self.summary}",
            f"  paper     {self.paper}",
            f"  shared    {self.shares}",
            f"  defaults  {_arguments(self.defaults)}",
        ]
        for option, allowed in self.choices.items():
            values = ", ".join(repr(value) for value in allowed)
            lines.append(f"  choices   {option}: {values}")
        for count in self.reported:
            lines.append(
                f"  reported  {count.recurrent:,} recurrent, {count.feedforward:,} "
                f"feed-forward parameters with {_arguments(count.arguments)}"
            )
        return "\n".join(lines)


def _arguments(values):
    return ", ".join(f"{k}={v!r}" for k, v in values.items()) or "the defaults"


_families: dict[str, Family] = {}


def register_family(**fields: Any) -> Callable[[Callable], Callable]:
    """Add the decorated function to the zoo as a family of networks.

    `zoo.build`, searches, figures and the command line then accept the family. It
    replaces a family with the same name.

    Args:
        **fields: Fields of `zoo.Family`, except `network`.

    Returns:
        A decorator that returns its function unchanged.

    Raises:
        TypeError: If a field is missing or unknown.

    Example:

    >>> @keras_recur.zoo.register_family(
    ...     name="tiny",
    ...     summary="One iterated dense layer.",
    ...     shares="the dense layer",
    ...     paper="none",
    ...     defaults={"input_shape": (4,), "num_classes": 4, "width": 4},
    ... )
    ... def tiny(initializers, *, input_shape, width, sharing, **_):
    ...     dense = keras.layers.Dense(width, "relu", **initializers(width))
    ...     block = keras.Sequential([dense])
    ...     loop = keras_recur.layers.SharedRecurrentBlock(block, 3, sharing)
    ...     inputs = keras.Input(input_shape)
    ...     return keras.Model(inputs, loop(inputs))
    >>> keras_recur.zoo.build("tiny").feedforward.count_params()
    60
    """

    def add(network):
        family = Family(network=network, **fields)
        _families[family.name] = family
        return network

    return add


def list_families(pattern: str = "*") -> list[str]:
    """Return the sorted names of the families in the zoo.

    Args:
        pattern: Shell-style wildcard. Defaults to `"*"`.

    Example:

    >>> keras_recur.zoo.list_families("deep_*")
    ['deep_thinking_1d', 'deep_thinking_2d']
    """
    return sorted(fnmatch.filter(_families, check_string("pattern", pattern)))


def describe(name: str) -> Family:
    """Return the description of a family: paper, shared layers, defaults, counts.

    Args:
        name: One of `list_families()`.

    Returns:
        A `Family`. Printed, it reads as text.

    Raises:
        ValueError: If the name is unknown. The message names the nearest one.

    Example:

    >>> print(keras_recur.zoo.describe("mlp").shares)
    one Dense layer with bias and ReLU
    """
    return _families[check_name("family", name, list_families())]
