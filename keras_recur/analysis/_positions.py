"""Features and labels of the single positions of a state."""

from typing import Any

import numpy as np

from keras_recur._labels import check_labels
from keras_recur.analysis._loop_states import sliced
from keras_recur.analysis.iteration_curve import Readouts


class Positions:
    """Labels of examples, and the positions of a state that cover them.

    A position may cover several labels, such as those of a patch of pixels. Each of
    their places then has its own features, as if it had its own probe. Labels below 0
    are left out.

    Attributes:
        labels: Labels that are scored, one per row.
    """

    def __init__(self, name: str, y: Any, shape: tuple[int, ...]):
        covered = _covered(name, y, shape)
        self._rows, self._places = np.nonzero(covered >= 0)
        self.labels = covered[self._rows, self._places]
        self._count = covered.shape[1]

    def features(self, state: np.ndarray) -> np.ndarray:
        """Return the features of each label from the states of all examples."""
        channels = state.shape[-1]
        rows = state.reshape(-1, channels)[self._rows]
        found = np.zeros((len(rows), self._count, channels), rows.dtype)
        found[np.arange(len(rows)), self._places] = rows
        return found.reshape(len(rows), -1)


def head_by_position(model: Any, x: Any, y: Any, iterations: int | None) -> np.ndarray:
    """Return the share of labels that the head answers right after each iteration."""
    readouts = Readouts(model, iterations)
    sums: Any = 0
    for part, labels in sliced((x, y)):
        rows, target = [], None
        for found in readouts.answers(part):
            if target is None:
                target = readouts.labels(part, labels, found.shape)
            scored = target >= 0
            rows.append(((found == target)[scored].sum(), scored.sum()))
        sums = sums + np.array(rows)
    scores = np.full(readouts.iterations, np.nan)
    scores[readouts.filled] = sums[:, 0] / sums[:, 1]
    return scores


def _covered(name, y, shape):
    """Return the labels that each position covers, of shape `(rows, labels)`."""
    y = check_labels(name, y)
    if y.ndim == len(shape) + 2 and y.shape[-1] == 1:
        y = y[..., 0]
    sizes = y.shape[1:]
    if not shape or len(sizes) != len(shape) or (np.mod(sizes, shape) != 0).any():
        raise ValueError(
            f"`reduce`='positions' needs labels in `{name}` for each position of a "
            f"state, the same number for all. Received: labels of shape {y.shape} and "
            f"{shape} positions. Use reduce='mean' for one label per example."
        )
    split = [n for s, p in zip(sizes, shape, strict=True) for n in (p, s // p)]
    order = [0, *range(1, len(split), 2), *range(2, len(split) + 1, 2)]
    blocks = y.reshape(len(y), *split).transpose(order)
    return blocks.reshape(len(y) * int(np.prod(shape)), -1)
