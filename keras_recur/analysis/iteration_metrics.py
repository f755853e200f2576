"""What happens to a network's answers from iteration to iteration.

References: Zamir et al. 2017, "Feedback Networks" (arXiv:1612.09508), whose networks
answer at every iteration; Bansal et al. 2022 (arXiv:2202.05826) for right answers that
are lost again by thinking on.
"""

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
    """Shares of examples after every iteration, and what they sum up to.

    Attributes:
        accuracy: Right after each iteration: every scored position of the example.
        flips: Right after the iteration before, and wrong after this one; the first
            is 0.
        agreement: Answered as after the last iteration, in every scored position; the
            last is 1.
        macs: Multiply-accumulate operations of one example up to each iteration.
        flip_rate: Right after some iteration, and wrong after the last one.
        coarse_accuracy: Superclass right after each iteration; `None` without a
            hierarchy.
        compliance: Of those with a wrong class, the superclass right; NaN where no
            class is wrong. `None` without a hierarchy.
        area: Mean accuracy over the operations from the first iteration to the last:
            the area below accuracy against MACs, as a share of what could be had.

    Of iterations that give nothing to read out, all is NaN.
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
    """How answers change over iterations: accuracy, flips, agreement, and its price.

    Batches are counted one by one and of an output no more is kept than a few bytes
    that tell answers apart: long runs need no more memory than short ones.

    Args:
        model: A model with a loop and a `Readout`, as the zoo builds them; recurrent
            or feed-forward.
        data: Batches `(x, y)` in any form that `iteration_curve` takes. Positions with
            targets below 0 are not scored.
        iterations: How far to run. Default: as the model was built.
        hierarchy: The superclass of every class, as `data.superclasses` gives it, to
            score superclasses too. Default: none.

    Returns:
        `IterationMetrics`.

    Raises:
        ValueError: for a hierarchy that leaves out a class or a superclass, and as
            `iteration_curve`.

    Reference:
        [Zamir et al. 2017](https://arxiv.org/abs/1612.09508).

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
    """A few bytes for every example's answer, instead of the answer."""
    return [hashlib.blake2b(a.tobytes(), digest_size=8).digest() for a in answers]


def _area(accuracy, macs):
    there = ~np.isnan(accuracy)
    y, x = accuracy[there], macs[there]
    if x[-1] == x[0]:
        return float(y.mean())
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum() / (x[-1] - x[0]))
