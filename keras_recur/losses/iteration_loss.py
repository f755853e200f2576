"""Cross-entropy over the readouts of a loop."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_recur._labels import matched
from keras_recur._validation import (
    check_number,
    check_one_of,
    check_positive_int,
    check_sequence,
    check_string,
)
from keras_recur.losses._readout_loss import ReadoutLoss

NAMED = ("final", "uniform", "geometric", "window")


def check_weights(name: str, weights: Any) -> str | list[float]:
    """Return readout weights as a name or a list of Python numbers."""
    if isinstance(weights, str):
        return check_one_of(name, weights, NAMED)
    try:
        found = check_sequence(
            name, weights, lambda item, value: check_number(item, value, 0), 1
        )
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be 'final', 'uniform', 'geometric', 'window' or finite "
            f"numbers of 0 or more, one per iteration. Received: {name}={weights!r}. "
            f"{error}"
        ) from None
    return found


@keras.saving.register_keras_serializable(package="keras_recur")
class IterationLoss(ReadoutLoss):
    """Sparse cross-entropy, summed over the readouts of the iterations.

    The loss of a readout is the mean over the scored positions of the batch. Targets
    below 0, such as the walls of a maze, are not scored. A target that is not a class
    (too large, 2.5, or NaN) makes the loss NaN.

    Args:
        weights: Weight of each readout: `"final"` (default, only the last),
            `"uniform"`, `"geometric"` (proportional to `gamma ** iteration`),
            `"window"` (equal for the last `window` readouts), or one number per
            readout. Named weights sum to 1. Numbers are not normalized.
        gamma: Factor for `weights="geometric"`. Defaults to `1.0`.
        name: Name of the loss. Defaults to `"iteration_loss"`.
        window: Number of readouts for `weights="window"`; all if there are fewer.
            Defaults to `None`.

    Call arguments:
        y_true: Integer targets, `(batch, ...)`, or `(batch, ..., 1)`.
        y_pred: Logits, `(batch, ..., classes)`, or `(batch, iterations, ..., classes)`
            from a model with `readout="all"`.
        sample_weight: Weight of each position, in the shape of the targets. The shape
            `(batch,)` is correct only for one target per example.

    Raises:
        ValueError: If `weights` or `gamma` is invalid, there is not one weight per
            readout, or the targets or logits have the wrong shape or invalid values.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508), section 3, for all
        readouts. [Schwarzschild et al. 2022](https://arxiv.org/abs/2102.11011), for
        the last readout and unscored walls.

    Example:

    >>> loss = keras_recur.losses.IterationLoss("uniform")
    >>> float(loss(np.array([1]), np.zeros((1, 5, 2)))) == float(np.log(np.float32(2)))
    True
    """

    def __init__(
        self,
        weights: str | Sequence[float] = "final",
        gamma: float = 1.0,
        name: str = "iteration_loss",
        window: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=check_string("name", name), **kwargs)
        self.weights = check_weights("weights", weights)
        self.gamma = check_number("gamma", gamma, above=0)
        if self.weights == "window" and window is None:
            raise ValueError(
                "weights='window' needs `window`, the number of last readouts to "
                "score. Received: window=None."
            )
        self.window = None if window is None else check_positive_int("window", window)

    def weights_for(self, iterations: int) -> list[float]:
        """Return the weight of each of `iterations` readouts."""
        if not isinstance(self.weights, str):
            if len(self.weights) != iterations:
                raise ValueError(
                    f"`weights` must have one number per readout. Received: "
                    f"{len(self.weights)} weights for {iterations} readouts. Build "
                    "the model with readout='all', or choose weights by name."
                )
            return list(self.weights)
        if self.weights == "final":
            return [0.0] * (iterations - 1) + [1.0]
        if self.weights == "window":
            scored = min(self.window or 1, iterations)
            return [0.0] * (iterations - scored) + [1 / scored] * scored
        gamma = self.gamma if self.weights == "geometric" else 1.0
        powers = [gamma**t for t in range(iterations)]
        return [p / sum(powers) for p in powers]

    def call(self, y_true, y_pred):
        y_true, several = matched(y_true, y_pred)
        y_pred = ops.cast(y_pred, self.dtype)
        if not several:
            y_pred = ops.expand_dims(y_pred, 1)
        labels = ops.cast(y_true, "int32")
        scored = labels >= 0
        # Backends treat labels that are not classes differently.
        whole = ops.equal(ops.cast(labels, y_true.dtype), y_true)
        known = ops.logical_and(whole, labels < y_pred.shape[-1])
        labels = ops.where(ops.logical_and(scored, known), labels, 0)
        total = 0.0
        for t, weight in enumerate(self.weights_for(y_pred.shape[1])):
            if weight:
                iterations = y_pred.shape[1]
                found = self.readout_loss(labels, y_pred[:, t], t, iterations)
                total += weight * found
        # Keras averages over all positions, but this loss over the scored ones.
        mask = ops.cast(scored, self.dtype)
        share = ops.maximum(ops.mean(mask), 1e-12)
        total = ops.where(scored, total, 0.0) / share
        return ops.where(known, total, float("nan"))

    def readout_loss(self, labels, logits, iteration: int, iterations: int):
        """Return the loss of each position of one readout; `iteration` starts at 0."""
        return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    def get_config(self):
        return {
            **super().get_config(),
            "weights": self.weights,
            "gamma": self.gamma,
            "window": self.window,
        }
