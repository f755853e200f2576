"""Rules that decide when to stop iterating."""

import dataclasses
import math
from typing import Any

import numpy as np
from keras import ops

from keras_recur._validation import check_number, check_one_of, check_positive_int
from keras_recur.inference._changes import (
    distance,
    divergence,
    floats,
    over_positions,
    share,
)
from keras_recur.inference.confidence import REDUCTIONS, confidence

_THRESHOLDS = {
    "confidence": 0.99,
    "agreement": 1.0,
    "kl": 0.001,
    "residual": 0.01,
    "change": 0.01,
    "acceleration": 0.01,
}
KINDS = tuple(_THRESHOLDS)
_WINDOW = 3


@dataclasses.dataclass(frozen=True)
class StopRule:
    """Rule that decides after every iteration which examples are done.

    Kinds:

    - `"confidence"`: the most likely class has at least the probability `threshold`.
      Without trained early readouts, networks are confident in wrong answers.
    - `"agreement"`: the answer equals that of the previous iteration. With a `patience`
      of 4, five answers in a row are the same. It takes no threshold.
    - `"kl"`: the Kullback-Leibler divergence of the previous probabilities from the new
      ones is at most `threshold`.
    - `"residual"`: the norm of the change of the logits, averaged over the last
      `window` iterations, is at most `threshold`.
    - `"change"`: the state changes by at most `threshold` of its norm. An infinite or
      NaN state never meets it.
    - `"acceleration"`: the change of the state changes by at most `threshold` of the
      state's norm. It can be small while the state still moves evenly.

    Args:
        kind: One of the kinds above. Defaults to `"confidence"`.
        threshold: See above. Defaults to `0.99` for confidence, to `0.001` for kl, and
            to `0.01` for residual, change and acceleration.
        patience: Number of iterations in a row that must meet the rule. Defaults to
            `1`.
        reduction: For confidence, kl and residual, whether the least settled position
            decides (`"min"`) or the mean over all positions (`"mean"`). Defaults to
            `"min"`.
        window: For residual, number of iterations of the average. Defaults to `3`.

    Raises:
        ValueError: If the kind is unknown, no example can meet the threshold,
            agreement has a threshold, another kind than residual has a window, or the
            patience or the window is not a positive integer.

    Reference:
        [Bansal et al. 2022](https://arxiv.org/abs/2202.05826) and its released code,
        confidence and agreement;
        [two-scale latent dynamics](https://arxiv.org/abs/2509.23314), acceleration;
        [Geiping et al. 2025](https://arxiv.org/abs/2502.05171) and its released code,
        kl; [Equilibrium Reasoners 2026](https://arxiv.org/abs/2605.21488) and its
        released code, residual.

    Example:

    >>> keras_recur.inference.StopRule("agreement", patience=2).threshold
    1.0
    """

    kind: str = "confidence"
    threshold: float | None = None
    patience: int = 1
    reduction: str = "min"
    window: int | None = None

    def __post_init__(self):
        check_one_of("kind", self.kind, KINDS)
        check_positive_int("patience", self.patience)
        check_one_of("reduction", self.reduction, REDUCTIONS)
        if self.kind == "residual":
            window = _WINDOW if self.window is None else self.window
            object.__setattr__(self, "window", check_positive_int("window", window))
        elif self.window is not None:
            raise ValueError(
                f"`window` is for StopRule('residual') only. Received: window="
                f"{self.window} with kind={self.kind!r}. Leave it out."
            )
        usual = _THRESHOLDS[self.kind]
        value = usual if self.threshold is None else self.threshold
        value = check_number("threshold", value)
        highest = 1.0 if self.kind == "confidence" else math.inf
        if self.kind == "agreement" and value != usual:
            raise ValueError(
                "StopRule('agreement') takes no threshold, because answers agree or do "
                f"not. Received: threshold={self.threshold}. Use `patience` to require "
                "more answers in a row."
            )
        if not 0 < value <= highest:
            raise ValueError(
                f"`threshold` of StopRule({self.kind!r}) must be a number above 0"
                f"{' and at most 1' if highest == 1 else ''}. Received: "
                f"threshold={self.threshold}. Default: {usual}."
            )
        object.__setattr__(self, "threshold", value)

    def __str__(self):
        sign = {"confidence": ">=", "agreement": ""}.get(self.kind, "<=")
        limit = f" {sign} {self.threshold:.4g}" if sign else ""
        row = f", {self.patience} times in a row" if self.patience > 1 else ""
        over = f" over {self.window} iterations" if self.window else ""
        return f"{self.kind}{over}{limit}{row}"

    @property
    def earliest(self) -> int:
        """The first iteration that can meet the rule."""
        if self.window:
            return self.window + 1
        return 2 if self.kind in ("agreement", "acceleration", "kl") else 1

    def met(self, signal: Any, threshold: Any) -> Any:
        """Return whether signals (arrays or tensors) meet a threshold."""
        if self.kind in ("confidence", "agreement"):
            return signal >= threshold
        return signal <= threshold

    def exits(
        self, signals: np.ndarray, min_iterations: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the last iteration of each example, and whether it met the rule.

        `signals` has the shape `(examples, iterations)`.
        """
        met = self.met(signals, np.float32(self.threshold))
        met[:, : self.earliest - 1] = False
        row = np.zeros(len(met), int)
        iterations = np.zeros(len(met), int)
        for t in range(met.shape[1]):
            row = np.where(met[:, t], row + 1, 0)
            due = t + 1 >= min_iterations
            fired = (row >= self.patience) & due & (iterations == 0)
            iterations[fired] = t + 1
        stopped = iterations > 0
        return np.where(stopped, iterations, met.shape[1]), stopped

    def memory(self, state: list[Any], logits: Any) -> list[Any]:
        """Return the memory of `signal` before the first iteration."""
        if self.kind == "agreement":
            return [ops.full_like(ops.argmax(logits, axis=-1), -1)]
        if self.kind == "acceleration":
            return [ops.zeros_like(leaf) for leaf in floats(state)]
        if self.kind == "kl":
            return [ops.zeros_like(logits)]
        if self.kind == "residual":
            # Infinite until there were enough changes.
            unknown = ops.full_like(logits, math.inf)
            nothing = ops.zeros_like(logits)
            row = over_positions(distance(nothing, nothing), "min")[:, None]
            return [unknown, ops.repeat(row, self.window, axis=1)]
        return []

    def signal(
        self,
        memory: list[Any],
        before: list[Any],
        after: list[Any],
        logits: Any,
        mask: Any = None,
    ) -> tuple[Any, list[Any]]:
        """Return the signal of every example after an iteration, and the new memory."""
        if self.kind == "confidence":
            return confidence(logits, self.reduction, mask=mask), []
        if self.kind == "agreement":
            answers = ops.argmax(logits, axis=-1)
            same = ops.equal(answers, memory[0])
            # NaN never agrees.
            known = ops.logical_not(ops.any(ops.isnan(logits), axis=-1))
            same = ops.logical_and(same, known)
            if mask is not None:
                same = ops.logical_or(same, ops.logical_not(mask))
            same = ops.cast(same, "float32")
            axes = tuple(range(1, len(same.shape)))
            return (ops.min(same, axis=axes) if axes else same), [answers]
        if self.kind == "kl":
            found = divergence(memory[0], logits)
            return over_positions(found, self.reduction, mask), [logits]
        if self.kind == "residual":
            found = distance(memory[0], logits)
            found = over_positions(found, self.reduction, mask)
            last = ops.concatenate([memory[1][:, 1:], found[:, None]], axis=1)
            return ops.mean(last, axis=1), [logits, last]
        before, after = floats(before), floats(after)
        change = [a - b for a, b in zip(after, before, strict=True)]
        if self.kind == "change":
            return share(change, after), []
        turn = [new - old for new, old in zip(change, memory, strict=True)]
        return share(turn, after), change
