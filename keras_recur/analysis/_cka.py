"""Centered kernel alignment of two sets of features."""

import numpy as np


def centered_gram(features):
    """Products of all pairs of examples, float64, with the bias removed.

    Args:
        features: Array with the examples on its first axis, at least 4.

    Returns:
        Matrix of shape `(examples, examples)` with a zero diagonal, whose
        rows and columns sum to zero.
    """
    features = np.asarray(features, "float64").reshape(len(features), -1)
    # Centering first: the products of features with a large mean lose
    # all their digits.
    features = features - features.mean(0)
    gram = features @ features.T
    np.fill_diagonal(gram, 0.0)
    n = len(gram)
    means = gram.sum(0) / (n - 2)
    means -= gram.sum() / (2 * (n - 1) * (n - 2))
    gram -= means[:, None] + means[None, :]
    np.fill_diagonal(gram, 0.0)
    return gram


def alignment(first, second):
    """Cosine of two matrices of `centered_gram`; NaN where one is zero."""
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.vdot(first, second) / norms) if norms else float("nan")
