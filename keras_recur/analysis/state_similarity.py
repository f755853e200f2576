"""Compare the states of two networks, iteration by iteration."""

import dataclasses
from typing import Any

import keras
import numpy as np
from scipy import linalg

from keras_recur._validation import check_flag, check_integer, check_type
from keras_recur.analysis._cka import alignment, centered_gram
from keras_recur.analysis._loop_states import LoopStates, examples
from keras_recur.analysis._plain import as_lists


@dataclasses.dataclass(frozen=True)
class StateSimilarity:
    """Similarity of all pairs of states of two networks.

    Attributes:
        matrix: Debiased linear CKA of state i of the first network (rows) and state j
            of the second one (columns), at most 1. It is NaN for a state that is the
            same for all examples or not finite.
        iterations: Numbers of iterations of the rows and of the columns.
        examples: Number of examples.
    """

    matrix: np.ndarray
    iterations: tuple[list[int], list[int]]
    examples: int

    @property
    def centered(self) -> np.ndarray:
        """`matrix` minus the means of rows and columns, plus the mean of all.

        It shows which states belong together if one state is similar to all others. The
        state before the first iteration is left out (NaN), because it differs most.
        """
        found = np.full_like(self.matrix, np.nan)
        cells = self._known
        if not found[cells].size:
            return found
        known = self.matrix[cells]
        rows, columns = (known.mean(axis=i, keepdims=True) for i in (1, 0))
        found[cells] = known - rows - columns + known.mean()
        return found

    @property
    def _known(self):
        """Return the cells of states with a value, from the first iteration on."""
        found = np.isfinite(self.matrix)
        rows, columns = (
            found.any(axis=axis) & (np.array(numbers) > 0)
            for axis, numbers in zip((1, 0), self.iterations, strict=True)
        )
        return np.ix_(rows, columns)

    @property
    def best(self) -> np.ndarray:
        """Iteration of the second network to which each row is most similar.

        It is read from `centered`, in which no state is similar to all others, and is
        -1 for a row that is NaN there.
        """
        found = np.nan_to_num(self.centered, nan=-np.inf)
        best = np.array(self.iterations[1])[found.argmax(axis=1)]
        return np.where(np.isfinite(found).any(axis=1), best, -1)

    @property
    def order_score(self) -> float:
        """Cosine of `centered` with that of states in the same order.

        1: the same order, 0: none, -1: reversed, NaN: too few states. Untrained
        networks score high too.
        """
        found = self.centered[self._known]
        rows, columns = (np.arange(n) - (n - 1) / 2 for n in found.shape)
        # Positions that lie close together are similar.
        order = np.outer(rows, columns)
        with np.errstate(invalid="ignore"):
            norms = np.linalg.norm(order) * np.linalg.norm(found)
            return float((order * found).sum() / norms)

    @property
    def level(self) -> float:
        """Mean of `matrix` over equal iterations, the first state left out.

        NaN if the networks have no iteration in common.
        """
        first, second = self.iterations
        cells = [(first.index(t), second.index(t)) for t in first if t in second and t]
        values = [self.matrix[cell] for cell in cells]
        return float(np.mean(values)) if values else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        return {
            "matrix": as_lists(self.matrix),
            "iterations": [list(numbers) for numbers in self.iterations],
            "examples": self.examples,
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "StateSimilarity":
        """Return the result from the data of `as_dict`."""
        matrix = np.asarray(plain["matrix"], "float64")
        first, second = plain["iterations"]
        return cls(matrix, (first, second), plain["examples"])


def state_similarity(
    first: keras.Model,
    second: keras.Model,
    data: Any,
    *,
    iterations: int | None = None,
    num_examples: int = 1_000,
    unit_length: bool = False,
    drop_components: int = 0,
) -> StateSimilarity:
    """Compare the states of two networks after every iteration, by debiased CKA.

    The value alone says little: states of a residual network share a sum, and one
    strong component can rule them all. Compare it with that of two seeds of one network
    (the ceiling) and with that of an untrained network (the floor).

    Args:
        first: A model with a loop.
        second: Another model with a loop, which takes the same inputs.
        data: Batches `x` or `(x, y)` in any form that `iteration_curve` accepts.
        iterations: Number of iterations of both. Defaults to `None` (the numbers the
            models were built with).
        num_examples: Number of examples, at least 4, the first ones of `data`. Defaults
            to `1000`. The memory grows with its square.
        unit_length: Whether each example's centered features are scaled to length 1,
            so that no few examples rule. Defaults to `False`.
        drop_components: Number of first principal components that are removed from the
            features of each state, fewer than it has features. Defaults to `0`.

    Returns:
        A `StateSimilarity`.

    Raises:
        ValueError: If a model has no loop, if there are fewer than 4 examples, or if a
            number is out of range.

    Reference:
        [Kornblith et al. 2019](https://arxiv.org/abs/1905.00414), Section 3, with the
        debiased form of their released notebook.

    Example:

    >>> pair = keras_recur.zoo.build("mlp", input_shape=(4, 4, 1), width=8)
    >>> x = np.random.default_rng(0).normal(size=(50, 4, 4, 1))
    >>> found = keras_recur.analysis.state_similarity(
    ...     pair.recurrent, pair.feedforward, x
    ... )
    >>> found.matrix.shape == tuple(map(len, found.iterations))
    True
    """
    for name, model in (("first", first), ("second", second)):
        check_type(name, model, keras.Model, "a Keras model")
    check_integer("num_examples", num_examples, 4)
    check_flag("unit_length", unit_length)
    check_integer("drop_components", drop_components, 0, maximum=num_examples - 4)
    both = [LoopStates(model, iterations) for model in (first, second)]
    x, _ = examples(data, num_examples, first, second, labels=False)
    grams = []
    for states in both:
        found = states.read(x, lambda state: state.reshape(len(state), -1))
        count = found.shape[1]
        if count < max(4, drop_components + 4):
            raise ValueError(
                "`data` must have at least 4 examples, and as many more as "
                f"`drop_components`. Received: {count} examples, drop_components="
                f"{drop_components}."
            )
        if drop_components >= found.shape[2]:
            raise ValueError(
                "`drop_components` must be smaller than the number of features of a "
                f"state, {found.shape[2]}. Received: drop_components={drop_components}."
            )
        grams.append([_gram(row, unit_length, drop_components) for row in found])
    return StateSimilarity(
        np.array([[alignment(a, b) for b in grams[1]] for a in grams[0]]),
        (list(both[0].iterations), list(both[1].iterations)),
        count,
    )


def _gram(features, unit_length, drop_components):
    if not np.isfinite(features).all():
        # Without a norm, so that its alignment is NaN.
        return np.zeros((len(features), len(features)))
    if unit_length or drop_components:
        features = np.asarray(features, "float64")
        features = features - features.mean(axis=0)
        if unit_length:
            norms = np.linalg.norm(features, axis=1, keepdims=True)
            features = features / np.maximum(norms, 1e-30)
        if drop_components:
            # Far faster than the singular vectors of many features.
            last = len(features) - 1
            largest = [last + 1 - drop_components, last]
            _, left = linalg.eigh(features @ features.T, subset_by_index=largest)
            features = features - left @ (left.T @ features)
    return centered_gram(features)
