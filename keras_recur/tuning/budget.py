"""What a network may cost."""

import dataclasses
import math

from keras_recur._validation import check_number
from keras_recur.zoo import Costs

_LIMITS = ("macs", "parameters", "activation_bytes")


@dataclasses.dataclass(frozen=True)
class Budget:
    """At most, or about, so many operations, parameters, or bytes of activations.

    Args:
        macs: Multiply-accumulate operations of one example. Default: no limit.
        parameters: Trainable parameters. Default: no limit.
        activation_bytes: What a training step keeps for the backward pass, for one
            example, as `zoo.costs` counts it. Default: no limit.
        tolerance: With 0.1, a network must also have at least 90 % of every limit given
            and may have 110 %: "about" instead of "at most". Default: at most.

    Raises:
        ValueError: without any limit, for limits that are not above 0, and for a
            tolerance outside of 0 to 1.

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
                "`tolerance` is a share of the limits, 0 or more and below 1. Received:"
                f" tolerance={self.tolerance}."
            )

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are given, by name."""
        given = {name: getattr(self, name) for name in _LIMITS}
        return {name: limit for name, limit in given.items() if limit is not None}

    def allows(self, costs: Costs) -> bool:
        """Whether a network of these costs fits."""
        share = self.tolerance or 0.0
        for name, limit in self.limits.items():
            found = getattr(costs, name)
            if found > limit * (1 + share):
                return False
            if self.tolerance is not None and found < limit * (1 - share):
                return False
        return True

    def distance(self, costs: Costs) -> float:
        """How far off the network is: the largest ratio to a limit, either way."""
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
