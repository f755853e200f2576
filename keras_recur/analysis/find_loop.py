"""Find learned loops by the similarity of layers."""

import numbers
from typing import NamedTuple

import numpy as np

from keras_recur.analysis._logits import check_array
from keras_recur.layers.sharing.shared_templates import period_of


class LoopStructure(NamedTuple):
    """Clusters of similar layers in a bank, and the period with which they repeat.

    Attributes:
        labels: Cluster of each layer, numbered from 0 in order of appearance.
        period: Smallest number of layers after which the labels repeat, or `None` if
            there is no full repetition. `[0, 1, 0, 1, 0, 1]` is a loop of 2 layers run
            3 times, `[0, 0, 0]` is a loop of 1 layer, and `[0, 1, 0]` and `[0]` are not
            loops.
    """

    labels: list[int]
    period: int | None


def find_loop(similarity: np.ndarray, threshold: float = 0.95) -> LoopStructure:
    """Group similar layers and find the period with which the groups repeat.

    Layers are clustered by complete linkage: any two layers of a cluster are similar by
    at least `threshold`.

    Args:
        similarity: Matrix `(layers, layers)`, as in `layer_similarity`.
        threshold: Similarity from 0 (one cluster) to 1 (a cluster has only equal
            layers). Defaults to `0.95`.

    Returns:
        A `LoopStructure`.

    Raises:
        ValueError: If `threshold` is not between 0 and 1, or the matrix is not square
            or not finite.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), folding. The
        clustering and the search for the period are our own.

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
            "`similarity` must be finite. Received: a matrix with NaN or infinity."
        )
    labels = _clusters(similarity, threshold)
    return LoopStructure(labels, period_of(labels))


def check_threshold(name: str, threshold: float) -> float:
    """Return the threshold as a number from 0 to 1."""
    if isinstance(threshold, bool | np.bool_) or not isinstance(
        threshold, numbers.Real
    ):
        raise ValueError(
            f"`{name}` must be a number from 0 to 1. Received: {name}={threshold!r} "
            f"(of type {type(threshold).__name__})."
        )
    if not 0 <= threshold <= 1:
        raise ValueError(
            f"`{name}` must be between 0 and 1. Received: {name}={threshold}."
        )
    return float(threshold)


def _clusters(similarity, threshold):
    clusters = [[i] for i in range(len(similarity))]
    # The similarity of equal layers is 1 up to rounding.
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
