"""From the similarity of layers to the loops that a network has learned.

Reference: Savarese and Maire 2019 (arXiv:1902.09701), folding; the clustering and the
search for the period are ours.
"""

import numbers
from typing import NamedTuple

import numpy as np

from keras_recur.analysis._logits import check_array
from keras_recur.layers.sharing.shared_templates import period_of


class LoopStructure(NamedTuple):
    """Which layers of a bank are one layer, and whether they repeat in order.

    Attributes:
        labels: The cluster of each layer, numbered from 0 in order of appearance.
        period: The smallest number of layers after which the labels repeat, or `None`
            where they do not do so in full, once at least. `[0, 1, 0, 1, 0, 1]` is a
            loop of 2 layers, run 3 times; `[0, 0, 0]` one of 1 layer; `[0, 1, 0]` and
            `[0]` are none.
    """

    labels: list[int]
    period: int | None


def find_loop(similarity: np.ndarray, threshold: float = 0.95) -> LoopStructure:
    """Groups layers that are alike, and looks for repetition.

    Layers are grouped by complete linkage: within a cluster every two layers have at
    least the threshold's similarity.

    Args:
        similarity: `(layers, layers)`, as `layer_similarity` gives it.
        threshold: From 0, all layers are one, to 1, only equal ones. Default 0.95.

    Returns:
        A `LoopStructure`.

    Raises:
        ValueError: for a threshold outside of 0 to 1, and for a matrix that is not
            square or not finite.

    Example:

    >>> alike = np.array([[1.0, 0.2], [0.2, 1.0]])
    >>> keras_recur.analysis.find_loop(np.tile(alike, (2, 2)), 0.9)
    LoopStructure(labels=[0, 1, 0, 1], period=2)
    """
    threshold = check_threshold("threshold", threshold)
    similarity = check_array("similarity", similarity)
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1]:
        raise ValueError(
            "`similarity` must be a square matrix, layers by layers. Received: shape "
            f"{similarity.shape}."
        )
    if not np.isfinite(similarity).all():
        raise ValueError(
            "`similarity` must be finite. Received: NaN or infinity in it."
        )
    labels = _clusters(similarity, threshold)
    return LoopStructure(labels, period_of(labels))


def check_threshold(name: str, threshold: float) -> float:
    """The threshold as a number from 0 to 1."""
    if isinstance(threshold, bool | np.bool_) or not isinstance(
        threshold, numbers.Real
    ):
        raise ValueError(
            f"`{name}` must be a number from 0 to 1. Received: {name}={threshold!r} "
            f"(of type {type(threshold).__name__})."
        )
    if not 0 <= threshold <= 1:
        raise ValueError(
            f"`{name}` is a similarity and must lie in 0 to 1. Received: "
            f"{name}={threshold}."
        )
    return float(threshold)


def _clusters(similarity, threshold):
    clusters = [[i] for i in range(len(similarity))]
    # Similarities of equal layers are 1 up to rounding.
    least = threshold - 1e-9
    while len(clusters) > 1:
        best, first, second = max(
            (similarity[np.ix_(a, b)].min(), i, j)
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters[:i])
        )
        if best < least:
            break
        clusters[second] += clusters.pop(first)
    return [
        next(c for c, members in enumerate(clusters) if i in members)
        for i in range(len(similarity))
    ]
