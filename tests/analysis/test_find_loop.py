"""Clusters of layers and their period, on matrices with known answers."""

import numpy as np
import pytest

from keras_recur.analysis import find_loop

pytestmark = pytest.mark.once


def alike(text, inside=0.99, between=0.1):
    """Return a matrix in which layers with the same letter are similar."""
    letters = np.array(list(text))
    same = letters[:, None] == letters[None, :]
    return np.where(np.eye(len(text), dtype=bool), 1.0, np.where(same, inside, between))


@pytest.mark.parametrize(
    ("text", "labels", "period"),
    [
        ("ABABAB", [0, 1, 0, 1, 0, 1], 2),
        ("AAAA", [0, 0, 0, 0], 1),
        ("ABCD", [0, 1, 2, 3], None),
        ("ABCABCA", [0, 1, 2, 0, 1, 2, 0], 3),  # The last turn is incomplete.
        ("ABBA", [0, 1, 1, 0], None),  # No turn repeats in full.
        ("AABA", [0, 0, 1, 0], None),
        ("ABA", [0, 1, 0], None),
        ("AABAA", [0, 0, 1, 0, 0], None),
        ("AABAAB", [0, 0, 1, 0, 0, 1], 3),
        ("AA", [0, 0], 1),
        ("ABCB", [0, 1, 2, 1], None),
        ("A", [0], None),
    ],
)
def test_find_loop_returns_labels_and_period(text, labels, period):
    loop = find_loop(alike(text))
    assert loop == (labels, period)
    assert (loop.labels, loop.period) == (labels, period)


def test_find_loop_rejects_chained_similarities():
    """Similar neighbors with different ends are not one cluster."""
    angles = np.arange(4) * 0.3
    chain = np.cos(angles[:, None] - angles[None, :])
    assert find_loop(chain, 0.95).labels == [0, 0, 1, 1]
    assert find_loop(chain, np.cos(0.6) - 1e-6).labels in ([0, 0, 0, 1], [0, 0, 1, 1])
    assert find_loop(chain, np.cos(0.9) - 1e-6).labels == [0, 0, 0, 0]


def test_find_loop_merges_most_similar_first():
    """The middle layer is similar to both others and joins the more similar one."""
    matrix = np.array([[1.0, 0.91, 0.2], [0.91, 1.0, 0.97], [0.2, 0.97, 1.0]])
    assert find_loop(matrix, 0.9).labels == [0, 1, 1]


def test_find_loop_accepts_threshold_0_and_1():
    matrix = alike("ABAB", inside=1.0, between=0.0)
    assert find_loop(matrix, 0).labels == [0, 0, 0, 0]
    assert find_loop(matrix, 1).labels == [0, 1, 0, 1]
    assert find_loop(alike("ABAB", inside=1 - 1e-12), 1.0).labels == [0, 1, 0, 1]
    assert find_loop(alike("ABAB", inside=1 - 1e-6), 1.0).labels == [0, 1, 2, 3]
    assert find_loop(alike("AB", between=0.95), np.float32(0.5)).labels == [0, 0]


BAD_THRESHOLDS = {
    "below": (-0.01, "must be between 0 and 1.*-0.01"),
    "above": (1.01, "must be between 0 and 1.*1.01"),
    "NaN": (float("nan"), "must be between 0 and 1.*nan"),
    "text": ("high", "a number from 0 to 1.*'high' .of type str"),
    "none": (None, "a number from 0 to 1.*NoneType"),
    "truth": (True, "a number from 0 to 1.*bool"),
}


@pytest.mark.parametrize("case", BAD_THRESHOLDS)
def test_find_loop_rejects_bad_thresholds(case):
    threshold, message = BAD_THRESHOLDS[case]
    with pytest.raises(ValueError, match=f"`threshold`.*{message}"):
        find_loop(np.eye(2), threshold)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)), r"square matrix.*\(2, 3\)"),
        (np.ones(4), r"square matrix.*\(4,\)"),
        (np.full((2, 2), np.nan), "finite"),
        (np.array([[1, np.inf], [np.inf, 1]]), "finite"),
    ],
    ids=["oblong", "flat", "NaN", "infinite"],
)
def test_find_loop_rejects_bad_matrices(matrix, message):
    with pytest.raises(ValueError, match=f"`similarity` must be.*{message}"):
        find_loop(matrix)
