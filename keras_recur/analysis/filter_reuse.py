"""Measure in which iterations a network uses each of its filters."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_recur._validation import check_one_of
from keras_recur.analysis._loop_states import LoopStates, examples, sliced
from keras_recur.analysis._reruns import Reruns

_ACTIVE = 0.1  # Of the largest activity over iterations.
_FIELDS = ("activity", "importance", "error")


@dataclasses.dataclass(frozen=True)
class FilterReuse:
    """Activity and importance of every channel of a state, after every iteration.

    Attributes:
        iterations: Numbers of the iterations, which are the rows of the arrays.
        activity: Mean absolute value of each channel, or of its change, over examples
            and positions. The shape is `(iterations, channels)`.
        importance: Accuracy minus the accuracy without a channel after one iteration,
            of the same shape. It is `None` if no channel was ablated.
        error: Standard error of `importance` from the paired answers to each example.
        accuracy: Accuracy of the unchanged network, `None` without ablation.
        examples: Number of examples.
        ablate: Value that replaces a channel, as in `filter_reuse`.
    """

    iterations: list[int]
    activity: np.ndarray
    importance: np.ndarray | None
    error: np.ndarray | None
    accuracy: float | None
    examples: int
    ablate: str | None

    @property
    def participation(self) -> np.ndarray:
        """Participation ratio per channel: 1/T if it is active once, 1 if always.

        It is NaN for a channel that is never active.
        """
        total, squares = self.activity.sum(axis=0), (self.activity**2).sum(axis=0)
        with np.errstate(invalid="ignore"):
            return total**2 / (len(self.activity) * squares)

    @property
    def active(self) -> np.ndarray:
        """Number of iterations per channel with more than 10 % of its top activity."""
        return (self.activity > _ACTIVE * self.activity.max(axis=0)).sum(axis=0)

    @property
    def matters(self) -> np.ndarray:
        """Whether the importance is above two standard errors, per cell."""
        return self._ablated("importance") > 2 * self._ablated("error")

    @property
    def reuse(self) -> float:
        """Share of channels that matter in two or more iterations.

        Only channels that matter at all count. It is NaN if there are none.
        """
        times = self.matters.sum(axis=0)
        some = times > 0
        return float((times[some] > 1).mean()) if some.any() else float("nan")

    @property
    def correlation(self) -> np.ndarray:
        """Spearman correlation of the importance in two iterations, for all pairs.

        It is NaN for an iteration in which all channels have the same importance.
        """
        ranks = np.stack([_ranks(row) for row in self._ablated("importance")])
        ranks -= ranks.mean(axis=1, keepdims=True)
        norms = np.linalg.norm(ranks, axis=1)
        with np.errstate(invalid="ignore"):
            return ranks @ ranks.T / np.outer(norms, norms)

    @property
    def rank_correlation(self) -> float:
        """Mean of `correlation` over pairs of different iterations, without NaN."""
        count = len(self.iterations)
        pairs = self.correlation[~np.eye(count, dtype=bool)]
        pairs = pairs[np.isfinite(pairs)]
        return float(pairs.mean()) if pairs.size else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        plain = dataclasses.asdict(self)
        arrays = {k: plain[k].tolist() for k in _FIELDS if plain[k] is not None}
        return plain | arrays

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "FilterReuse":
        """Return the result from the data of `as_dict`."""
        found = {field.name: plain[field.name] for field in dataclasses.fields(cls)}
        arrays: dict[str, Any] = {
            k: np.array(found[k]) for k in _FIELDS if found[k] is not None
        }
        return cls(**found | arrays)

    def _ablated(self, name):
        values = getattr(self, name)
        if values is None:
            raise ValueError(
                "The importance of channels needs their ablation. Received: a result "
                "with ablate=None. Call filter_reuse with another value of `ablate`."
            )
        return values


def filter_reuse(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    *,
    measure: str = "state",
    ablate: str | None = "update",
    num_examples: int = 2_000,
) -> FilterReuse:
    """Measure how active and how important each channel is after every iteration.

    A channel is taken out of the state after one iteration alone, and the later
    iterations run on. Its importance is the loss of accuracy. The activity of a channel
    cannot show reuse, because a residual state keeps what earlier iterations wrote.
    Compare with the feed-forward twin, in which a channel is another filter in every
    iteration.

    Args:
        model: A model with a loop, whose state has channels on its last axis.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts. Labels are
            not needed with `ablate=None`.
        iterations: Number of iterations to run. Defaults to `None` (the number the
            model was built with).
        measure: Activity of a channel: `"state"` for its value, or `"update"` for its
            change in an iteration. Defaults to `"state"`.
        ablate: Value that replaces a channel: `"update"` for its value before the
            iteration, which removes only what the iteration wrote, `"zero"`, or
            `"mean"` for its mean over examples and positions. `None` measures the
            activity alone. Defaults to `"update"`.
        num_examples: Number of examples, the first ones of `data`. Defaults to `2000`.

    Returns:
        A `FilterReuse`. An answer with several positions is right if all of them are.

    Raises:
        ValueError: If the model has no loop, or a state graph and `ablate` is not
            `None`, if an argument is out of range, or if the data have an invalid form.

    Reference:
        [Morcos et al. 2018](https://arxiv.org/abs/1803.06959), ablation of units. The
        ablation of updates and the correlation over iterations are our own.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "convnet", input_shape=(20, 20, 1), num_classes=3, width=4, iterations=2
    ... )
    >>> x = np.random.default_rng(0).normal(size=(20, 20, 20, 1))
    >>> y = np.arange(20) % 3
    >>> found = keras_recur.analysis.filter_reuse(pair.recurrent, (x, y))
    >>> found.importance.shape, found.correlation.shape
    ((2, 4), (2, 2))
    """
    check_one_of("measure", measure, ("state", "update"))
    check_one_of("ablate", ablate, ("update", "zero", "mean", None))
    if ablate is None:
        reruns, states = None, LoopStates(model, iterations)
    else:
        reruns = Reruns(model, iterations, "The ablation of channels")
        states = reruns.states
    x, y = examples(data, num_examples, model, labels=ablate is not None)
    numbers, activity, means, count = _activity(states, x, measure)
    importance = error = accuracy = None
    if reruns:
        fill = None if ablate == "update" else means * (ablate == "mean")
        accuracy, importance, error = _importance(reruns, x, y, fill)
    return FilterReuse(numbers, activity, importance, error, accuracy, count, ablate)


def _activity(states, x, measure):
    """Return the iterations, activity and mean of channels, and number of examples."""
    leaves = tree.flatten(x)
    count = len(leaves[0])
    sums: Any = 0
    values: Any = 0
    if measure == "update" and len(states.iterations) < 2:
        raise ValueError(
            "`measure`='update' needs states of two iterations. Received: a `model` "
            f"with a state after {states.iterations} iterations. Use more iterations, "
            "or measure='state'."
        )
    for part in sliced(x):
        before, found, means = None, [], []
        for number, state in zip(states.iterations, states.each(part), strict=True):
            if number and (measure == "state" or before is not None):
                change = state if measure == "state" else state - before
                found.append((number, _sum_per_channel(abs(change))))
                means.append(_sum_per_channel(state))
            before = state
        sums = sums + np.array([row for _, row in found])
        values = values + np.array(means)
    return [number for number, _ in found], sums / count, values / count, count


def _sum_per_channel(state):
    """Return the sum over examples of the mean over positions."""
    rows = state.reshape(len(state), -1, state.shape[-1])
    return rows.mean(axis=1, dtype="float64").sum(axis=0)


def _importance(reruns, x, y, fill):
    """Return the accuracy, and the loss of it per cell with its standard error."""
    hits, losses = [], []
    for run, target in reruns.batches(x, y):
        (right,) = reruns.right(run[-1], (), target)
        hits.append(right)
        rows = []
        for t in range(1, reruns.last + 1):
            if fill is None:
                other = run[t - 1].state[reruns.states.place]
            else:
                other = fill[t - 1].astype("float32")
            found = []
            for channels in reruns.channel_groups(run[t]):
                changed = reruns.without(run[t], channels, other)
                found.append(reruns.right(changed, range(t, reruns.last), target))
            channels = run[t].state[reruns.states.place].shape[-1]
            rows.append(right.astype(int) - np.concatenate(found)[:channels])
        losses.append(rows)
    hits, losses = np.concatenate(hits), np.concatenate(losses, axis=-1)
    return (
        float(hits.mean()),
        losses.mean(axis=-1),
        losses.std(axis=-1) / np.sqrt(len(hits)),
    )


def _ranks(values):
    """Return the ranks of values, equal values sharing their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
