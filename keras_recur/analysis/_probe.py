"""Linear probes, and the features of states that they read."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

_MOST_STEPS = 1000  # Of the solver. Weak penalties converge slowly.


class Probe(NamedTuple):
    """Accuracy of a fitted probe."""

    accuracy: float
    train_accuracy: float
    regularization: float
    converged: bool


def reduced(state: np.ndarray, reduce: str, grid: int) -> np.ndarray:
    """Return the features of a batch of states, of shape `(batch, features)`."""
    if reduce == "all" or state.ndim == 2:
        return state.reshape(len(state), -1)
    if reduce == "mean":
        return state.mean(axis=tuple(range(1, state.ndim - 1)))
    if min(state.shape[1:-1]) < grid:
        raise ValueError(
            f"`reduce`='grid' needs a state of at least {grid} positions per side. "
            f"Received: states of shape {state.shape[1:]}. Use a smaller `grid`, or "
            "reduce='mean'."
        )
    for axis in range(1, state.ndim - 1):
        fields = np.array_split(state, grid, axis)
        state = np.stack([part.mean(axis=axis) for part in fields], axis)
    return state.reshape(len(state), -1)


def fit_probe(
    features: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    strengths: Sequence[float],
) -> Probe:
    """Fit a probe with the strength that is best on the validation examples.

    Features and labels are those of `"train"`, `"validation"` and `"test"`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(np.asarray(features["train"], "float64"))
    x = {
        name: scaler.transform(np.asarray(part, "float64"))
        for name, part in features.items()
    }
    # Each strength begins with the weights of the one before.
    probe = LogisticRegression(max_iter=_MOST_STEPS, warm_start=True)
    best: Any = None
    for strength in strengths:
        with warnings.catch_warnings():
            # Reported as `converged`.
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe.set_params(C=strength).fit(x["train"], labels["train"])
        score = probe.score(x["validation"], labels["validation"])
        if best is None or score > best[0]:
            test, train = (float(probe.score(x[n], labels[n])) for n in _SCORED)
            converged = bool(max(probe.n_iter_) < _MOST_STEPS)
            best = score, Probe(test, train, strength, converged)
    return best[1]


_SCORED = ("test", "train")
