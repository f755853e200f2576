"""Measure the accuracy without an iteration, and with two iterations exchanged."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_recur.analysis._loop_states import examples
from keras_recur.analysis._reruns import Reruns

_FIELDS = ("lesion", "lesion_error", "swap", "swap_error")


@dataclasses.dataclass(frozen=True)
class Lesions:
    """Accuracy of a network of T iterations that skips one, or exchanges two.

    Attributes:
        iterations: Numbers of the iterations, from 1 to T.
        lesion: Accuracy without iteration t, of shape `(T,)`.
        lesion_error: Standard error of `lesion_loss`, from the paired answers to each
            example.
        swap: Accuracy with iterations t and t + 1 in exchanged order, of shape
            `(T - 1,)`.
        swap_error: Standard error of `swap_loss`, computed in the same way.
        accuracy: Accuracy of the intact network.
        examples: Number of examples.
    """

    iterations: list[int]
    lesion: np.ndarray
    lesion_error: np.ndarray
    swap: np.ndarray
    swap_error: np.ndarray
    accuracy: float
    examples: int

    @property
    def lesion_loss(self) -> np.ndarray:
        """Loss of accuracy without iteration t."""
        return self.accuracy - self.lesion

    @property
    def swap_loss(self) -> np.ndarray:
        """Loss of accuracy with iterations t and t + 1 exchanged."""
        return self.accuracy - self.swap

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        arrays = {name: getattr(self, name).tolist() for name in _FIELDS}
        return dataclasses.asdict(self) | arrays

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Lesions":
        """Return the result from the data of `as_dict`."""
        arrays: dict[str, Any] = {
            name: np.asarray(plain[name], "float64") for name in _FIELDS
        }
        return cls(**plain | arrays)


def lesions(
    model: keras.Model,
    data: Any,
    iterations: int | None = None,
    *,
    num_examples: int = 2_000,
) -> Lesions:
    """Measure the accuracy after a lesion or a swap of iterations.

    A lesion skips one iteration. A swap exchanges two adjacent ones. All other
    iterations run on, each with its own weights. In the feed-forward twin, this tells
    how much the answer depends on one layer and on the order of layers.

    In a recurrent network, all iterations have the same weights. A swap changes nothing
    and every lesion is a run with one iteration less, unless iterations have weights or
    statistics of their own. Compare with untrained networks too: if the intact network
    is near chance, no lesion can do harm.

    Args:
        model: A model with a `SharedRecurrentBlock` as its last loop.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts.
        iterations: Number of iterations of the intact network. Defaults to `None` (the
            number the model was built with).
        num_examples: Number of examples, the first ones of `data`. Defaults to `2000`.

    Returns:
        A `Lesions`. An answer with several positions is right if all of them are.

    Raises:
        ValueError: If the model has no such loop, or too few weights for the
            iterations, if a number is out of range, or if the data have an invalid
            form.

    Reference:
        [Veit et al. 2016](https://arxiv.org/abs/1605.06431), deletion and reordering of
        the layers of residual networks.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=4)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> found = keras_recur.analysis.lesions(pair.feedforward, test)
    >>> found.lesion.shape, found.swap.shape
    ((4,), (3,))
    """
    reruns = Reruns(model, iterations, "A lesion or swap of iterations")
    x, y = examples(data, num_examples, model)
    parts = [_right(reruns, *batch) for batch in reruns.batches(x, y)]
    right = np.concatenate(parts, axis=1)
    intact, changed = right[0].astype(int), right[1:].astype(int)
    error = (intact - changed).std(axis=1) / np.sqrt(right.shape[1])
    rate, last = changed.mean(axis=1), reruns.last
    return Lesions(
        list(range(1, last + 1)),
        rate[:last],
        error[:last],
        rate[last:],
        error[last:],
        float(intact.mean()),
        right.shape[1],
    )


def _right(reruns, run, target):
    """Return the right answers of the intact network and of all changed ones."""
    last = reruns.last
    orders = [(last, ())]
    orders += [(t, range(t + 1, last)) for t in range(last)]
    orders += [(t, (t + 1, t, *range(t + 2, last))) for t in range(last - 1)]
    return np.concatenate([reruns.right(run[t], rest, target) for t, rest in orders])
