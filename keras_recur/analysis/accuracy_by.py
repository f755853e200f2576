"""Group the answers of a model by a number that describes each example."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import tree

from keras_recur._validation import check_callable
from keras_recur.analysis.iteration_curve import Readouts, right_answers
from keras_recur.data._batches import batches


class AccuracyBy(NamedTuple):
    """Accuracy of the examples that have the same number.

    Attributes:
        groups: Numbers that the examples have, in ascending order.
        accuracy: Share of right examples of each group.
        examples: Number of examples of each group.
    """

    groups: np.ndarray
    accuracy: np.ndarray
    examples: np.ndarray


def accuracy_by(
    model: keras.Model,
    data: Any,
    group: Callable[[Any, Any], float],
    iterations: int | None = None,
) -> AccuracyBy:
    """Return the accuracy of examples by a number, such as the length of a path.

    An example is right if every position with a target of at least 0 is right.

    Args:
        model: A model with a loop and a `Readout`, such as the models of the zoo.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts.
        group: Function from the input and the target of one example, as arrays, to a
            number.
        iterations: Number of iterations to run. Defaults to `None` (the number the
            model was built with).

    Returns:
        An `AccuracyBy`.

    Raises:
        ValueError: If `group` does not return a finite number, or another argument is
            not valid for `iteration_curve`.

    Example:

    >>> def longest_alternation(x, y):
    ...     lengths, length = [1], 1
    ...     for before, after in zip(x[:-1, 0], x[1:, 0]):
    ...         length = length + 1 if before != after else 1
    ...         lengths.append(length)
    ...     return max(lengths)
    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.accuracy_by(
    ...     pair.recurrent, test, longest_alternation
    ... )
    >>> int(found.examples.sum())
    20
    """
    check_callable("group", group)
    readouts = Readouts(model, iterations)
    numbers, right = [], []
    for x, y in batches(data):
        for found in readouts.answers(x):
            last = found
        target = readouts.labels(x, y, last.shape)
        right.append(right_answers(last, target))
        for i in range(len(y)):
            example = tree.map_structure(lambda part, i=i: part[i], x)
            numbers.append(_number(group(example, y[i])))
    groups, place = np.unique(numbers, return_inverse=True)
    examples = np.bincount(place)
    hits = np.bincount(place, weights=np.concatenate(right))
    return AccuracyBy(groups, hits / examples, examples)


def _number(value):
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise ValueError(
            "`group` must return a finite number for every example. Received: "
            f"{value!r}."
        )
    return number
