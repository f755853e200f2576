"""Cross-entropy of superclasses first, then of classes."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_recur._earlier_names import current_names
from keras_recur._validation import check_hierarchy, check_one_of
from keras_recur.losses.iteration_loss import IterationLoss

COARSE_TO_FINE = ("linear", "switch", "power")


@keras.saving.register_keras_serializable(package="keras_recur")
class CoarseToFineLoss(IterationLoss):
    """Cross-entropy that trains early iterations on superclasses only.

    The loss of each iteration is `f` times the cross-entropy of the class plus `1 - f`
    times the cross-entropy of the superclass. The probability of a superclass is the
    sum over its classes. The share `f` grows over the iterations.

    Args:
        hierarchy: Superclass of each class, integers from 0 (see `data.superclasses`).
        coarse_to_fine: Growth of `f` over iterations 1 to T: `"linear"` (default, from
            0 to 1), `"switch"` (0 in the first half, 1 in the second) or `"power"`
            (`(i / T) ** 1.3`). With one iteration, `f` is 1.
        weights: Readout weights, as in `IterationLoss`. Defaults to `"uniform"`.
        gamma: Factor for `weights="geometric"`. Defaults to `1.0`.
        name: Name of the loss. Defaults to `"coarse_to_fine_loss"`.

    Call arguments:
        y_true: Integer targets, `(batch, ...)`. Targets below 0 are not scored.
        y_pred: Logits, `(batch, ..., classes)`, or `(batch, iterations, ..., classes)`
            from a model with `readout="all"`.

    Raises:
        ValueError: If `hierarchy` skips a superclass or does not match the logits,
            or an argument is not valid for `IterationLoss`.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508), section 3, with the
        schedules of the released code.

    Example:

    >>> loss = keras_recur.losses.CoarseToFineLoss([0, 0, 1], "linear")
    >>> loss.fine_shares(3)
    [0.0, 0.5, 1.0]
    """

    def __init__(
        self,
        hierarchy: Sequence[int],
        coarse_to_fine: str = "linear",
        weights: str | Sequence[float] = "uniform",
        gamma: float = 1.0,
        name: str = "coarse_to_fine_loss",
        window: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(weights, gamma, name, window, **kwargs)
        self.hierarchy = check_hierarchy(hierarchy)
        self.coarse_to_fine = check_one_of(
            "coarse_to_fine", coarse_to_fine, COARSE_TO_FINE
        )

    def fine_shares(self, iterations: int) -> list[float]:
        """Return the share `f` of the class loss for each of `iterations` readouts."""
        if iterations == 1:
            return [1.0]
        numbers = range(1, iterations + 1)
        if self.coarse_to_fine == "linear":
            return [(i - 1) / (iterations - 1) for i in numbers]
        if self.coarse_to_fine == "switch":
            return [float(i > iterations // 2) for i in numbers]
        return [(i / iterations) ** 1.3 for i in numbers]

    def readout_loss(self, labels, logits, iteration, iterations):
        check_hierarchy(self.hierarchy, logits.shape[-1])
        fine = self.fine_shares(iterations)[iteration]
        total = 0.0
        if fine:
            total += fine * super().readout_loss(labels, logits, iteration, iterations)
        if fine < 1:
            # -log p(superclass): log-sum-exp of all classes minus that of its own.
            above = ops.convert_to_tensor(self.hierarchy, "int32")
            own = ops.equal(ops.expand_dims(ops.take(above, labels), -1), above)
            inside = ops.where(own, logits, -1e9)
            coarse = ops.logsumexp(logits, axis=-1) - ops.logsumexp(inside, axis=-1)
            total += (1 - fine) * coarse
        return total

    def get_config(self):
        return {
            **super().get_config(),
            "hierarchy": list(self.hierarchy),
            "coarse_to_fine": self.coarse_to_fine,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**current_names(config))
