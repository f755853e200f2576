"""Project the states of all iterations on their principal components."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_recur._validation import check_flag, check_one_of, check_positive_int
from keras_recur.analysis._logits import class_labels
from keras_recur.analysis._loop_states import LoopStates, examples
from keras_recur.analysis._probe import reduced


@dataclasses.dataclass(frozen=True)
class Trajectories:
    """States of all iterations in the plane of their first principal components.

    Attributes:
        iterations: Numbers of iterations after which there is a state.
        points: Coordinates of the states, of shape `(states, examples, components)`.
        labels: Class of each example, `None` if paths are those of single examples.
        explained: Share of the variance of all states per component.
        straightness: Distance between the first and the last state divided by the
            length of the path between them, the mean over examples in the space of all
            features. A straight line has 1, a random walk of T steps about
            1 / sqrt(T). It is NaN if no state moves.
        features: Number of features of a state.
    """

    iterations: list[int]
    points: np.ndarray
    labels: np.ndarray | None
    explained: np.ndarray
    straightness: float
    features: int

    @property
    def classes(self) -> list[int]:
        """Classes of the examples in the order of `paths`, none without labels."""
        return [] if self.labels is None else np.unique(self.labels).tolist()

    @property
    def paths(self) -> np.ndarray:
        """Mean path of each class, or the path of each example without labels.

        The shape is `(paths, states, components)`.
        """
        if self.labels is None:
            return self.points.swapaxes(0, 1)
        means = [self.points[:, self.labels == c].mean(axis=1) for c in self.classes]
        return np.stack(means)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        plain = dataclasses.asdict(self)
        arrays = {k: plain[k].tolist() for k in _FIELDS if plain[k] is not None}
        return plain | arrays

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Trajectories":
        """Return the result from the data of `as_dict`."""
        arrays: dict[str, Any] = {
            k: np.asarray(plain[k]) for k in _FIELDS if plain[k] is not None
        }
        return cls(**plain | arrays)


_FIELDS = ("points", "labels", "explained")


def trajectories(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    *,
    components: int = 2,
    reduce: str = "all",
    by_class: bool = True,
    num_examples: int = 300,
) -> Trajectories:
    """Project the states of all iterations on their first principal components.

    The components are those of the states of all examples after all iterations of one
    network, so the axes of two networks have nothing in common. Compare with the
    untrained network: states that move at random draw smooth curves in such a plane
    too.

    Args:
        model: A model with a loop.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts, with one
            class per example. With `by_class=False`, labels are not needed.
        iterations: Number of iterations. Defaults to `None` (the number the model was
            built with).
        components: Number of components. Defaults to `2`.
        reduce: Features of a state: `"all"`, or `"mean"` over positions. Defaults to
            `"all"`.
        by_class: Whether paths are the means of classes. Defaults to `True`. Otherwise,
            each example has its own path.
        num_examples: Number of examples, the first ones of `data`. Defaults to `300`.

    Returns:
        A `Trajectories`.

    Raises:
        ValueError: If the model has no loop, if the labels are not one class per
            example, if there are fewer features or states than components, if a state
            is not finite, or if an argument is out of range.

    Reference:
        [Antognini and Sohl-Dickstein 2018](https://arxiv.org/abs/1806.08805), principal
        components of random walks.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "mlp", input_shape=(4, 4, 1), num_classes=2, width=8, iterations=3
    ... )
    >>> x = np.random.default_rng(0).normal(size=(20, 4, 4, 1)).astype("float32")
    >>> data = x, np.arange(20) % 2
    >>> found = keras_recur.analysis.trajectories(pair.recurrent, data)
    >>> found.points.shape, found.paths.shape
    ((4, 20, 2), (2, 4, 2))
    """
    components = check_positive_int("components", components)
    check_one_of("reduce", reduce, ("all", "mean"))
    check_flag("by_class", by_class)
    states = LoopStates(model, iterations)
    x, y = examples(data, num_examples, model, labels=by_class)
    labels = class_labels("data", y) if by_class else None
    found = states.read(x, lambda state: reduced(state, reduce, 1)).astype("float64")
    for number, state in zip(states.iterations, found, strict=True):
        if not np.isfinite(state).all():
            raise ValueError(
                "Principal components need finite states. Received: states with NaN or "
                f"infinity after {number} iterations of the `model`. Use fewer "
                "`iterations`, or a model whose training did not diverge."
            )
    rows = found.reshape(-1, found.shape[-1])
    if components > min(rows.shape):
        raise ValueError(
            f"`components` can be at most {min(rows.shape)} for {rows.shape[0]} states "
            f"of {rows.shape[1]} features. Received: components={components}."
        )
    points, explained = _projected(rows, components)
    return Trajectories(
        list(states.iterations),
        points.reshape(*found.shape[:2], components),
        labels,
        explained,
        _straightness(found),
        found.shape[-1],
    )


def _projected(rows, components):
    """Return coordinates on the principal components, and their share of variance."""
    rows = rows - rows.mean(axis=0)
    count, features = rows.shape
    # The smaller of two matrices has the same eigenvalues and takes less time.
    if features <= count:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        points = rows @ vectors[:, ::-1][:, :components]
    else:
        values, vectors = np.linalg.eigh(rows @ rows.T)
        scale = np.sqrt(np.maximum(values, 0))
        points = (vectors * scale)[:, ::-1][:, :components]
    # The sign of a component is arbitrary, but must not depend on the machine.
    tops = points[abs(points).argmax(axis=0), np.arange(components)]
    total = np.maximum(values, 0).sum()
    explained = np.maximum(values[::-1][:components], 0)
    with np.errstate(invalid="ignore"):
        return points * np.where(tops < 0, -1, 1), explained / total


def _straightness(found):
    lengths = np.linalg.norm(np.diff(found, axis=0), axis=-1).sum(axis=0)
    direct = np.linalg.norm(found[-1] - found[0], axis=-1)
    moved = lengths > 0
    if not moved.any():
        return float("nan")
    return float((direct[moved] / lengths[moved]).mean())
