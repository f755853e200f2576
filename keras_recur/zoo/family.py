"""The registry: what the zoo knows of each family of networks."""

import dataclasses
import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from keras_recur._validation import check_name, check_string


@dataclasses.dataclass(frozen=True)
class ReportedCounts:
    """A parameter count that follows from released code or a paper.

    Attributes:
        arguments: Arguments of `zoo.build` that give the network.
        recurrent: Trainable parameters of the recurrent network.
        feedforward: Trainable parameters of its feed-forward twin.
    """

    arguments: Mapping[str, Any]
    recurrent: int
    feedforward: int


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of networks, described once for both twins.

    Attributes:
        name: The name that `zoo.build` takes.
        network: `network(start, **arguments)` returns a `keras.Model`; `sharing` is
            one of the arguments and makes the twins differ.
        summary: What it is, in one sentence.
        shares: What is applied again at every iteration.
        paper: Where it comes from.
        defaults: Default of every argument, options of the family included.
        example_shape: Stands in for sizes that `input_shape` leaves open, where costs
            are counted.
        width_multiple: The width must be a multiple of this.
        initializer: Default of `zoo.build`'s `initializer`.
        reported: Published parameter counts.
    """

    name: str
    network: Callable[..., Any]
    summary: str
    shares: str
    paper: str
    defaults: Mapping[str, Any]
    example_shape: tuple[int, ...] = ()
    width_multiple: int = 1
    initializer: str = "torch_default"
    reported: tuple[ReportedCounts, ...] = ()

    def __str__(self) -> str:
        defaults = ", ".join(f"{k}={v!r}" for k, v in self.defaults.items())
        lines = [
            f"{self.name}: {self.summary}",
            f"  paper     {self.paper}",
            f"  shared    {self.shares}",
            f"  defaults  {defaults}",
        ]
        for count in self.reported:
            given = ", ".join(f"{k}={v!r}" for k, v in count.arguments.items())
            lines.append(
                f"  published {count.recurrent:,} recurrent, "
                f"{count.feedforward:,} feed-forward parameters at {given}"
            )
        return "\n".join(lines)


_families: dict[str, Family] = {}


def register(**fields: Any) -> Callable[[Callable], Callable]:
    """Adds the decorated network to the zoo, as a `Family` with these fields."""

    def add(network):
        _families[fields["name"]] = Family(network=network, **fields)
        return network

    return add


def list_families(pattern: str = "*") -> list[str]:
    """Names of the zoo's families.

    Args:
        pattern: Shell-style wildcard. Default: all.

    Returns:
        Sorted list of names.

    Example:

    >>> keras_recur.zoo.list_families("deep_*")
    ['deep_thinking_1d', 'deep_thinking_2d']
    """
    return sorted(fnmatch.filter(_families, check_string("pattern", pattern)))


def describe(name: str) -> Family:
    """What the zoo knows of a family: paper, what is shared, defaults, counts.

    Args:
        name: One of `list_families()`.

    Returns:
        A `Family`; printed, it reads as text.

    Raises:
        ValueError: for an unknown name, with the nearest one.

    Example:

    >>> print(keras_recur.zoo.describe("mlp").shares)
    one Dense layer with bias and ReLU
    """
    return _families[check_name("family", name, list_families())]
