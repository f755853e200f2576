"""Answers of an early-exit predictor."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class EarlyExitPrediction:
    """Answers of an `EarlyExitPredictor`.

    Attributes:
        logits: `(examples, ..., classes)`.
        iterations: Number of iterations of each example.
        stopped: Whether each example met the rule. The others ran `max_iterations`.
        confidence: Confidence in the answer of each example.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> predictor = keras_recur.inference.EarlyExitPredictor(
    ...     pair.recurrent, "agreement", max_iterations=30
    ... )
    >>> found = predictor(np.zeros((3, 16, 1), "float32"))
    >>> found.iterations.shape == found.stopped.shape == (3,)
    True
    """

    logits: np.ndarray
    iterations: np.ndarray
    stopped: np.ndarray
    confidence: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The most likely class of every position."""
        return np.argmax(self.logits, axis=-1)

    def __str__(self):
        late = int((~self.stopped).sum())
        return (
            f"{len(self.iterations)} examples, {self.iterations.mean():.1f} iterations "
            f"on average ({self.iterations.min()} to {self.iterations.max()}); "
            f"{late} were stopped at the maximum"
        )
