"""Answers of several starts of a loop."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class BreadthPrediction:
    """Answers of `breadth`, one per example.

    Attributes:
        logits: `(examples, ..., classes)`, of the selected start.
        start: Number of the selected start, from 0.
        residual: Change of the logits in the last iterations of the selected start.
        confidence: Probability of the most likely class, averaged over the positions.
        agreement: Share of the starts that give the selected answer, from `1 / starts`
            to 1.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "deep_thinking_1d",
    ...     width=8,
    ...     iterations=4,
    ...     injection="concat",
    ...     initial_state="normal",
    ... )
    >>> x = np.zeros((3, 16, 1), "float32")
    >>> found = keras_recur.inference.breadth(pair.recurrent, x, starts=4, seed=0)
    >>> found.classes.shape, bool((found.agreement >= 0.25).all())
    ((3, 16), True)
    """

    logits: np.ndarray
    start: np.ndarray
    residual: np.ndarray
    confidence: np.ndarray
    agreement: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The most likely class of every position."""
        return self.logits.argmax(axis=-1)

    def __str__(self):
        return (
            f"{len(self.start)} examples: mean residual {self.residual.mean():.4g}, "
            f"mean agreement of the starts {100 * self.agreement.mean():.1f} %"
        )
