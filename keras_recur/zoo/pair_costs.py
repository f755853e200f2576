"""Costs of both twins of a pair."""

import dataclasses
from typing import Any

from keras_recur.zoo.costs import Costs


@dataclasses.dataclass(frozen=True)
class PairCosts:
    """Costs of both twins. Printed, they are a table with the ratios.

    Attributes:
        recurrent: `Costs` of the recurrent network.
        feedforward: `Costs` of its feed-forward twin.
    """

    recurrent: Costs
    feedforward: Costs

    def ratios(self) -> dict[str, float | None]:
        """Return feed-forward over recurrent costs, or `None` if the latter are 0."""
        recurrent = dataclasses.asdict(self.recurrent)
        feedforward = dataclasses.asdict(self.feedforward)
        return {k: feedforward[k] / n if n else None for k, n in recurrent.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the costs as plain data, for JSON."""
        return {**dataclasses.asdict(self), "ratios": self.ratios()}

    def __str__(self) -> str:
        lines = [f"{'':26}{'recurrent':>16}{'feed-forward':>16}{'ratio':>9}"]
        for name, ratio in self.ratios().items():
            counts = [getattr(c, name) for c in (self.recurrent, self.feedforward)]
            shown = "-" if ratio is None else f"{ratio:.2f}"
            label = name.replace("_", " ")
            lines.append(f"{label:26}{counts[0]:>16,}{counts[1]:>16,}{shown:>9}")
        return "\n".join(lines)
