"""Data for state replay: rows that go on, and rows that keep their example."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_recur._validation import check_integer, check_number, check_positive_int
from keras_recur.data._batches import check_form, length_of, to_numpy
from keras_recur.data._epoch_dataset import EpochDataset


class ReplayedData(EpochDataset):
    """Batches `((x, carried), y)` for a model with `StateReplay`.

    Each row of a batch is one of three kinds, drawn at random:

    - *fresh*, with probability `1 - share`: a new example from the usual first state.
    - *same*, with probability `share * same`: the example of this row in the batch
      before, from the state in which the row ended. This teaches the loop to stay at
      its answer.
    - *other*, the rest: a new example, from the state in which the row ended with the
      old one. This teaches it to reach the answer from any state.

    The new examples of *same* rows are left out. The first batch of an epoch has no
    *same* rows, so an epoch does not depend on earlier ones.

    Args:
        data: Batches `(x, y)` or `(x, y, sample_weight)` of known number, in any form
            that `model.fit` accepts.
        share: Share of rows that go on, from 0 to 1. Defaults to `0.66`.
        same: Share of those rows that keep their example, from 0 to 1. Defaults to
            `0.5`.
        first_step: Number of steps before the first row goes on. An untrained loop may
            let states grow. Defaults to `50`.
        max_steps: Number of steps after which a row starts from the first state again.
            With `share=1` and `same=1`, each example is kept for `max_steps` steps.
            Defaults to `None`: no limit.
        steps_per_epoch: Number of batches per epoch, for data without a length.
            Defaults to `None`.
        seed: Seed of the draws. Defaults to `0`.

    Raises:
        ValueError: If an argument is invalid, or a batch has more rows than the first.

    Reference:
        The *same* rows with a limit are the supervision steps of
        [Jolicoeur-Martineau 2025](https://arxiv.org/abs/2510.04871), section 2.

    Example:

    >>> data = keras_recur.data.load(
    ...     "prefix_sums", batch_size=50, size=16, num_examples=100
    ... )
    >>> replayed = keras_recur.training.ReplayedData(data, first_step=1)
    >>> (x, carried), y = replayed[0]
    >>> x.shape, bool(carried.any())
    ((50, 16, 1), False)
    """

    def __init__(
        self,
        data: Any,
        share: float = 0.66,
        same: float = 0.5,
        first_step: int = 50,
        max_steps: int | None = None,
        steps_per_epoch: int | None = None,
        seed: int = 0,
    ):
        super().__init__()
        check_form("data", data)
        self.data = data
        self.share = check_number("share", share, 0, 1)
        self.same = check_number("same", same, 0, 1)
        self.first_step = check_integer("first_step", first_step, 0)
        if max_steps is not None:
            max_steps = check_positive_int("max_steps", max_steps)
        self.max_steps = max_steps
        self.seed = check_integer("seed", seed, 0)
        self._length = _check_length(data, steps_per_epoch)
        self._endless = steps_per_epoch is not None
        self._iterator: Iterator[Any] | None = None
        self._read: list[Any] = []
        self._epoch = self._served = 0
        self._batch_size: int | None = None
        self._begin()

    def _begin(self):
        """Begin an epoch. Its draws depend on its number alone."""
        if self._iterator is not None and self._served <= len(self._read):
            # Keras has read some batches to learn their shapes.
            self._iterator = itertools.chain(self._read[: self._served], self._iterator)
        self._read, self._served = [], 0
        self._rng = np.random.default_rng([self.seed, self._epoch])
        # By shape of the inputs: the last row of each place, and its age in steps.
        self._kept: dict[Any, tuple[list[np.ndarray], np.ndarray]] = {}

    @property
    def epoch(self) -> int:
        """The current epoch, 0 or more. It can be set."""
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = check_integer("epoch", value, 0)
        if isinstance(self.data, EpochDataset):
            self.data.epoch = value
        self._begin()

    def on_epoch_begin(self) -> None:
        self._begin()
        if hasattr(self.data, "on_epoch_begin"):
            self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        if self._served >= len(self):
            self._epoch += 1
            self._begin()
        if hasattr(self.data, "on_epoch_end"):
            self.data.on_epoch_end()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        batch = self._next(index)
        leaves = [np.array(to_numpy(leaf)) for leaf in tree.flatten(batch)]
        count, rows = len(tree.flatten(batch[0])), len(leaves[0])
        self._batch_size = self._batch_size or rows
        if rows > self._batch_size:
            raise ValueError(
                "A batch of `data` must have at most as many rows as the first one, "
                f"{self._batch_size}, whose states are stored. Received: {rows} rows."
            )
        shape = tuple(leaf.shape[1:] for leaf in leaves[:count])
        nothing = [leaf[:0] for leaf in leaves], np.zeros(0, int)
        kept, ages = self._kept.get(shape, nothing)
        known = min(len(ages), rows)
        draws = self._rng.random(rows)
        carried = draws < self.share
        carried &= self._step() >= max(self.first_step, 1)
        if self.max_steps is not None:
            carried[known:] = False
            carried[:known] &= ages[:known] < self.max_steps
        same = np.flatnonzero(carried & (draws < self.share * self.same))
        same = same[same < known]
        new_ages = np.ones(rows, int)
        new_ages[:known] += ages[:known] * carried[:known]
        for leaf, old in zip(leaves, kept, strict=True):
            leaf[same] = old[same]
        # A smaller batch leaves the rows after it as they were.
        kept = [
            np.concatenate([a, b[rows:]]) for a, b in zip(leaves, kept, strict=True)
        ]
        self._kept[shape] = kept, np.concatenate([new_ages, ages[rows:]])
        self._served += 1
        x, *rest = tree.pack_sequence_as(batch, leaves)
        return (x, carried), *rest

    def _next(self, index):
        """Return the next batch of the data."""
        if hasattr(self.data, "__getitem__"):
            return unpacked(self.data[self._step() if self._endless else index])
        if self._iterator is None or (self._served == 0 and not self._endless):
            self._iterator = iter(self.data)
        batch = next(self._iterator)
        if self._served < 2:
            self._read.append(batch)
        return unpacked(batch)

    def _step(self):
        """Return the number of batches before this one, from the first epoch on."""
        return self._epoch * len(self) + self._served


def unpacked(batch):
    """Return `(x, y)` or `(x, y, sample_weight)`."""
    parts = keras.utils.unpack_x_y_sample_weight(batch)
    return tuple(part for part in parts if part is not None)


def _check_length(data, steps):
    """Return the number of batches per epoch."""
    if steps is not None:
        return check_positive_int("steps_per_epoch", steps)
    length = length_of(data)
    if length is None or length == math.inf:
        raise ValueError(
            "`data` has no known number of batches, so `steps_per_epoch` is needed. "
            f"Received: data of type {type(data).__name__}, steps_per_epoch=None."
        )
    return int(length)
