"""A recurrent network and its feed-forward twin."""

import dataclasses
from typing import Any

import keras

from keras_recur._validation import check_number
from keras_recur.zoo import tying
from keras_recur.zoo.costs import Costs, costs
from keras_recur.zoo.family import describe


@dataclasses.dataclass(frozen=True)
class PairCosts:
    """Costs of both twins. Printed, it is a table with the ratios.

    Attributes:
        recurrent: `Costs` of the recurrent network.
        feedforward: `Costs` of its twin.
    """

    recurrent: Costs
    feedforward: Costs

    def ratios(self) -> dict[str, float | None]:
        """Feed-forward over recurrent, by name; `None` where the latter is 0."""
        ours, twins = (
            dataclasses.asdict(c) for c in (self.recurrent, self.feedforward)
        )
        return {k: twins[k] / ours[k] if ours[k] else None for k in ours}

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {**dataclasses.asdict(self), "ratios": self.ratios()}

    def __str__(self) -> str:
        lines = [f"{'':26}{'recurrent':>16}{'feed-forward':>16}{'ratio':>9}"]
        for name, ratio in self.ratios().items():
            ours, twins = getattr(self.recurrent, name), getattr(self.feedforward, name)
            shown = "-" if ratio is None else f"{ratio:.2f}"
            label = name.replace("_", " ")
            lines.append(f"{label:26}{ours:>16,}{twins:>16,}{shown:>9}")
        return "\n".join(lines)


class Pair:
    """A recurrent network and its feed-forward twin, from one description.

    `zoo.build` makes it. Both twins are ordinary Keras models on weights of their own.

    Attributes:
        name: Name of the family.
        recurrent: The network that shares weights over iterations.
        feedforward: The network with weights of its own for every iteration.
        config: All arguments that `zoo.build` needs to make this pair again.
        feedforward_width: Width of the feed-forward twin; with `match="parameters"`
            it is narrower.
    """

    def __init__(
        self,
        recurrent: keras.Model,
        feedforward: keras.Model,
        config: dict[str, Any],
        feedforward_width: int,
    ):
        self.name: str = config["name"]
        self.recurrent = recurrent
        self.feedforward = feedforward
        self.config = config
        self.feedforward_width = feedforward_width

    def costs(self, input_shape: tuple[int, ...] | None = None) -> PairCosts:
        """Parameters, MACs, depth, neurons, synapses and memory of both twins.

        Args:
            input_shape: Shape of one example. Default: the pair's; sizes it leaves
                open are taken from the family (`zoo.describe(name).example_shape`).

        Returns:
            `PairCosts`; printed, it is a table.
        """
        if input_shape is None:
            given, example = (
                self.config["input_shape"],
                describe(self.name).example_shape,
            )
            input_shape = tuple(
                example[i] if n is None else n for i, n in enumerate(given)
            )
        return PairCosts(
            costs(self.recurrent, input_shape), costs(self.feedforward, input_shape)
        )

    def untie(self) -> None:
        """Copies the recurrent weights into every copy of the feed-forward twin.

        Raises:
            ValueError: if the twins differ in width.
        """
        self._check_widths("untie")
        tying.untie(self.recurrent, self.feedforward)

    def tie(self, tolerance: float = 0.0) -> None:
        """Copies the feed-forward weights into the recurrent twin.

        Args:
            tolerance: How far the copies may lie apart, absolutely. Default 0.

        Raises:
            ValueError: if copies differ, naming them, or if the twins differ in
                width. Nothing is changed then.
        """
        tolerance = check_number("tolerance", tolerance, 0)
        self._check_widths("tie")
        tying.tie(self.recurrent, self.feedforward, tolerance)

    def _check_widths(self, verb):
        if self.feedforward_width != self.config["width"]:
            raise ValueError(
                f"Cannot {verb} twins of different width. Received: width "
                f"{self.config['width']} and {self.feedforward_width}, matched by "
                f"{self.config['match']}. Build the pair with match='depth'."
            )

    def __repr__(self) -> str:
        shown = ("width", "depth", "iterations", "sharing", "templates", "match")
        given = [(k, self.config.get(k)) for k in (*shown, "readout")]
        given = ", ".join(f"{k}={v!r}" for k, v in given if v is not None)
        ours, twins = self.recurrent.count_params(), self.feedforward.count_params()
        lines = [
            f"<Pair {self.name}: {given}",
            f"  recurrent     {ours:>13,} weights",
            f"  feed-forward  {twins:>13,} weights ({twins / ours:.2f} times)",
        ]
        if self.config["match"] == "parameters":
            trainable = [
                sum(int(keras.ops.size(v)) for v in m.trainable_variables)
                for m in (self.recurrent, self.feedforward)
            ]
            lines.append(
                f"  matched at feed-forward width {self.feedforward_width}: "
                f"{trainable[1] / trainable[0]:.3f} of the recurrent's parameters"
            )
        return "\n".join(lines) + ">"
