"""Limits on the costs of a network."""

import dataclasses
import math

from keras_recur._validation import check_number
from keras_recur.zoo import Costs

_LIMITS = ("macs", "parameters", "activation_bytes")


@dataclasses.dataclass(frozen=True)
class Budget:
    """Limits on MACs, parameters and bytes of activations of a network.

    Args:
        macs: Multiply-accumulate operations for one example. Defaults to no limit.
        parameters: Trainable parameters. Defaults to no limit.
        activation_bytes: Bytes that a training step keeps for the backward pass of
            one example. Defaults to no limit.
        tolerance: Relative tolerance in `[0, 1)`. With `0.1`, a network must use 90 %
            to 110 % of every limit. Defaults to `None`: a network may use up to 100 %.

    Raises:
        ValueError: If no limit is given, or an argument is invalid.

    Example:

    >>> keras_recur.tuning.Budget(macs=1_000_000, tolerance=0.1)
    Budget(macs=1000000, parameters=None, activation_bytes=None, tolerance=0.1)
    """

    macs: float | None = None
    parameters: float | None = None
    activation_bytes: float | None = None
    tolerance: float | None = None

    def __post_init__(self):
        if not self.limits:
            raise ValueError(
                "A budget needs at least one limit: macs, parameters or "
                "activation_bytes. Received: none."
            )
        for name, limit in self.limits.items():
            check_number(name, limit, above=0)
        if self.tolerance is not None and not (
            0 <= check_number("tolerance", self.tolerance) < 1
        ):
            raise ValueError(
                "`tolerance` is a share of the limits, at least 0 and below 1. "
                f"Received: tolerance={self.tolerance}."
            )

    @property
    def limits(self) -> dict[str, float]:
        """Given limits by name."""
        given = {name: getattr(self, name) for name in _LIMITS}
        return {name: limit for name, limit in given.items() if limit is not None}

    def allows(self, costs: Costs) -> bool:
        """Return whether a network with these costs is within the budget."""
        share = self.tolerance or 0.0
        for name, limit in self.limits.items():
            found = getattr(costs, name)
            if found > limit * (1 + share):
                return False
            if self.tolerance is not None and found < limit * (1 - share):
                return False
        return True

    def distance(self, costs: Costs) -> float:
        """Return the largest factor between a cost and its limit."""
        ratios = [getattr(costs, n) / limit for n, limit in self.limits.items()]
        if self.tolerance is not None:
            ratios = [max(r, 1 / r) if r else math.inf for r in ratios]
        return max(ratios)

    def __str__(self):
        word = "at most" if self.tolerance is None else "about"
        parts = [
            f"{limit:,.0f} {n.replace('_', ' ')}" for n, limit in self.limits.items()
        ]
        return f"{word} {' and '.join(parts)}"
