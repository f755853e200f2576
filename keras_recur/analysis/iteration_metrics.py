"""Measure how a network's answers change over the iterations."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_recur._validation import check_hierarchy
from keras_recur.analysis._macs import macs_over_iterations
from keras_recur.analysis.iteration_curve import Readouts, all_positions, right_answers
from keras_recur.data._batches import batches


@dataclasses.dataclass(frozen=True)
class IterationMetrics:
    """Shares of examples after each iteration, and their summaries.

    Iterations without a readout have NaN values.

    Attributes:
        accuracy: Share of examples that are right in every scored position.
        flips: Share of examples that were right after the previous iteration and are
            wrong after this one. The first value is 0.
        agreement: Share of examples whose answer equals the last iteration's in every
            scored position. The last value is 1.
        macs: Multiply-accumulate operations of one example up to each iteration.
        flip_rate: Share of examples that are right after some iteration and wrong after
            the last one.
        area: Area under the curve of accuracy over MACs, divided by the MACs' range.
        coarse_accuracy: Share of examples with the right superclass, or `None` without
            a hierarchy.
        compliance: Share of right superclasses among examples with a wrong class, NaN
            if no class is wrong. `None` without a hierarchy.
    """

    accuracy: np.ndarray
    flips: np.ndarray
    agreement: np.ndarray
    macs: np.ndarray
    flip_rate: float
    area: float
    coarse_accuracy: np.ndarray | None = None
    compliance: np.ndarray | None = None


def iteration_metrics(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    hierarchy: Sequence[int] | None = None,
) -> IterationMetrics:
    """Return accuracy, flips, agreement and MACs after each iteration.

    Args:
        model: A recurrent or feed-forward model with a loop and a `Readout`, such as
            the models of the zoo.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts. Positions
            with targets below 0 are not scored.
        iterations: Number of iterations to run. Defaults to `None` (the number the
            model was built with).
        hierarchy: Superclass of each class, as returned by `data.superclasses`, to
            score superclasses too. Defaults to `None`.

    Returns:
        An `IterationMetrics`.

    Raises:
        ValueError: If `hierarchy` skips a class or a superclass, or another argument is
            not valid for `iteration_curve`.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508).
        [Bansal et al. 2022](https://arxiv.org/abs/2202.05826), for lost right answers.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.iteration_metrics(pair.recurrent, test)
    >>> found.accuracy.shape, float(found.agreement[-1])
    ((3,), 1.0)
    """
    readouts = Readouts(model, iterations)
    if hierarchy is not None:
        hierarchy = check_hierarchy(hierarchy, readouts.labels.classes)
    above = np.array(hierarchy)
    total = 0
    sums: Any = 0
    for x, y in batches(data):
        rows, answered = [], []
        ever = was = np.zeros(len(y), bool)
        target = ignored = y
        for found in readouts.answers(x):
            if not rows:
                target = readouts.labels(x, y, found.shape)
                ignored = target < 0
            right = right_answers(found, target)
            coarse = right
            if hierarchy is not None:
                coarse = all_positions((above[found] == above[target]) | ignored)
            rows.append([right.sum(), (was & ~right).sum(), coarse.sum()])
            answered.append(_digests(np.where(ignored, 0, found)))
            was, ever = right, ever | right
        same = (np.array(answered) == answered[-1]).sum(axis=1)
        lost = np.full(len(rows), (ever & ~was).sum())
        sums = sums + np.column_stack([np.array(rows), same, lost])
        total += len(y)
    shares = np.full((readouts.iterations, 5), np.nan)
    shares[readouts.filled] = sums / total
    accuracy, flips, coarse, agreement, lost = shares.T
    shape = tree.map_structure(lambda a: tuple(np.shape(a)[1:]), x)
    (macs,) = macs_over_iterations(model, readouts.filled, [shape])
    found = IterationMetrics(
        accuracy, flips, agreement, macs, float(lost[-1]), _area(accuracy, macs)
    )
    if hierarchy is None:
        return found
    wrong = np.where(accuracy < 1, 1 - accuracy, np.nan)
    compliance = (coarse - accuracy) / wrong
    return dataclasses.replace(found, coarse_accuracy=coarse, compliance=compliance)


def _digests(answers):
    """Return a short digest of each example's answer, which saves memory."""
    return [hashlib.blake2b(a.tobytes(), digest_size=8).digest() for a in answers]


def _area(accuracy, macs):
    there = ~np.isnan(accuracy)
    y, x = accuracy[there], macs[there]
    if x[-1] == x[0]:
        return float(y.mean())
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum() / (x[-1] - x[0]))
