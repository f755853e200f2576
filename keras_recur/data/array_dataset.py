"""Arrays in memory as batches for Keras."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from keras_recur._validation import (
    check_callable,
    check_flag,
    check_integer,
    check_name,
    check_string,
    check_type,
)
from keras_recur.data._arrays import check_class_numbers, examples_of
from keras_recur.data._epoch_dataset import EpochDataset
from keras_recur.data._shards import check_shard, shard_of

METRICS = ("accuracy", "exact_match", "f1")

Transform = Callable[
    [np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]
]


class ArrayDataset(EpochDataset):
    """Data set of arrays in memory that yields batches in a reproducible order.

    The order and the augmentation of epoch `e` depend only on `(seed, e)`, so
    interrupted training resumes exactly. Set `epoch` to choose the epoch. It advances
    after each full pass of `fit`, `evaluate` or `predict`.

    To get the same order in `model.fit`, pass `shuffle=False` and
    `callbacks=[dataset.epoch_callback()]`. By default, Keras shuffles the batches with
    Python's global random numbers. `fit` may also start at any `initial_epoch`, or draw
    a batch before the first epoch.

    Args:
        x: Array of shape `(num_examples, ...)`. It may be a compact form of the
            examples that `transform` expands.
        y: Array of shape `(num_examples, ...)`. With `num_classes`, class numbers below
            it (integers or whole floats), one per target. Targets below 0 are not
            scored. One-hot labels are refused.
        batch_size: Examples per batch, 1 or more. Defaults to `128`.
        shuffle: Whether to shuffle the examples in each epoch. Defaults to `False`.
        seed: Seed of the order and the augmentation, 0 or more. Defaults to `0`.
        transform: Function `(x, y, rng) -> (x, y)` that is applied to each batch. `rng`
            is a `numpy.random.Generator` that depends on the seed, the epoch and the
            batch index. Defaults to `None`.
        drop_remainder: Whether to drop an incomplete last batch. Defaults to `False`.
        shard: Index of this process, from 0, and number of processes that train
            together. Each gets an equal part of every batch, so `batch_size` counts the
            examples of all. The parts of all processes, in their order, are the batch
            without shards, except for random numbers of `transform`. Defaults to
            `None`: whole batches.
        name: Name of the data set. Defaults to `"arrays"`.
        num_classes: Number of classes. Defaults to `None`, which means unknown.
        metric: "accuracy" (share of correct targets), "exact_match" (share of examples
            whose targets are all correct) or "f1" (F1 of the targets that are 1, over
            all examples together). Defaults to `"accuracy"`.
        details: Additional entries of `config()`, such as the split. Defaults to
            `None`.

    Raises:
        ValueError: If an argument is invalid, `x` and `y` differ in length, no batch
            would remain, or a batch cannot be divided equally among the shards.

    Reference: Schwarzschild et al., "The Uncanny Similarity of Recurrence and Depth",
    ICLR 2022, for the exact-match score of mazes.

    Example:

    >>> x = np.arange(10, dtype="float32")[:, None]
    >>> dataset = ArrayDataset(x, x[:, 0], batch_size=4, shuffle=True)
    >>> len(dataset), dataset.num_examples, dataset[0][0].shape
    (3, 10, (4, 1))
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int = 128,
        *,
        shuffle: bool = False,
        seed: int = 0,
        transform: Transform | None = None,
        drop_remainder: bool = False,
        shard: tuple[int, int] | None = None,
        name: str = "arrays",
        num_classes: int | None = None,
        metric: str = "accuracy",
        details: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.transform = (
            None if transform is None else check_callable("transform", transform)
        )
        self.x, self.y = (
            examples_of(part, value, transform is None)
            for part, value in (("x", x), ("y", y))
        )
        if self.x.ndim == 0 or self.y.ndim == 0 or len(self.x) != len(self.y):
            raise ValueError(
                "`x` and `y` must hold the same number of examples along their "
                f"first axis. Received: shapes {self.x.shape} and {self.y.shape}."
            )
        self.batch_size = check_integer("batch_size", batch_size, 1)
        self.shuffle = check_flag("shuffle", shuffle)
        self.seed = check_integer("seed", seed, 0)
        self.drop_remainder = check_flag("drop_remainder", drop_remainder)
        self.name = check_string("name", name)
        if num_classes is not None:
            num_classes = check_integer("num_classes", num_classes, 2)
        self.num_classes = num_classes
        self.metric = check_name("metric", metric, METRICS)
        details = {} if details is None else details
        self.details = dict(check_type("details", details, dict, "a dictionary"))
        for key in self.details:
            check_string("details", key)
        if not len(self):
            raise ValueError(
                f"{self.num_examples} examples must make at least one batch. Received: "
                f"batch_size={self.batch_size}, "
                f"drop_remainder={self.drop_remainder}. Use a `batch_size` of at "
                f"most {max(self.num_examples, 1)}, or more examples."
            )
        self.shard = check_shard(shard, self.batch_size, self._last_batch())
        self._epoch = 0
        self._order: tuple[int, np.ndarray] | None = None
        self._within_epoch = False
        self._served = 0
        self.input_shape: tuple[int, ...] = self._make(0, np.arange(1))[0].shape[1:]
        if num_classes is not None:
            self.check_labels(num_classes)

    @property
    def epoch(self) -> int:
        """The current epoch, 0 or more. It can be set."""
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = check_integer("epoch", value, 0)
        self._served = 0

    @property
    def num_examples(self) -> int:
        """Number of examples, including those of a dropped last batch."""
        return len(self.x)

    def __len__(self) -> int:
        batches = self.num_examples / self.batch_size
        return math.floor(batches) if self.drop_remainder else math.ceil(batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"`index` must be from {-len(self)} to {len(self) - 1}. Received: "
                f"index={index}."
            )
        index %= len(self)
        if self._within_epoch:
            self._served += 1
        start = index * self.batch_size
        rows = slice(start, min(start + self.batch_size, self.num_examples))
        if self.shard is not None:
            rows = shard_of(rows, *self.shard)
        if self.shuffle:
            rows = self._permutation()[rows]
        return self._make(index, rows)

    def check_labels(self, classes: int) -> None:
        """Check once that all labels, after `transform`, are class numbers.

        Args:
            classes: Number of classes, 2 or more.

        Raises:
            ValueError: If a label is not a whole number below `classes`.
        """
        check_class_numbers(self.y, classes, lambda rows: self._make(0, rows)[1])

    def take(self, num_examples: int) -> Self:
        """Return a data set of the first examples with the same settings, at epoch 0.

        Args:
            num_examples: Number of examples, from 1 to `self.num_examples`.

        Raises:
            ValueError: If there are fewer examples.
        """
        number = check_integer("num_examples", num_examples, 1)
        if number > self.num_examples:
            raise ValueError(
                f"`num_examples` can be at most {self.num_examples}. Received: "
                f"num_examples={number}."
            )
        return type(self)(
            self.x[:number],
            self.y[:number],
            self.batch_size,
            shuffle=self.shuffle,
            seed=self.seed,
            transform=self.transform,
            drop_remainder=self.drop_remainder and number >= self.batch_size,
            shard=self.shard,
            name=self.name,
            num_classes=self.num_classes,
            metric=self.metric,
            details=self.details,
        )

    def as_dataset(self) -> Any:
        """Return the batches of one epoch as a `tf.data.Dataset`, for auto-sharding.

        Each pass over it gives the next epoch. Strategies of `tf.distribute` and
        `keras.distribution.DataParallel` divide its batches among devices and
        processes; for the second, the data set must be without `shard`.

        Returns:
            A `tf.data.Dataset` with `len(self)` batches.
        """
        import tensorflow as tf

        def epoch():
            self.on_epoch_begin()
            yield from (self[i] for i in range(len(self)))
            self.on_epoch_end()

        signature = tuple(
            tf.TensorSpec((None, *part.shape[1:]), tf.as_dtype(part.dtype))
            for part in self._make(0, np.arange(1))
        )
        dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self)))

    def config(self) -> dict[str, Any]:
        """Return a description of the data set in JSON types, for result files."""
        return {
            "name": self.name,
            **self.details,
            "num_examples": self.num_examples,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_remainder": self.drop_remainder,
            # Processes that train together describe the same data.
            **({} if self.shard is None else {"shards": self.shard[1]}),
            "seed": self.seed,
            "num_classes": self.num_classes,
            "input_shape": list(self.input_shape),
            "metric": self.metric,
        }

    def on_epoch_begin(self) -> None:
        self._within_epoch = True

    def on_epoch_end(self) -> None:
        # Keras also calls this before the first epoch and after building a model.
        if self._within_epoch and self._served >= len(self):
            self.epoch += 1
        self._within_epoch = False

    def __repr__(self) -> str:
        listed = ", ".join(f"{key}={value!r}" for key, value in self.config().items())
        return f"<ArrayDataset {listed}>"

    def _last_batch(self) -> int:
        """Return the number of examples in the last batch, over all shards."""
        rest = 0 if self.drop_remainder else self.num_examples % self.batch_size
        return rest or self.batch_size

    def _permutation(self) -> np.ndarray:
        if self._order is None or self._order[0] != self._epoch:
            rng = np.random.default_rng([self.seed, self._epoch, 0])
            self._order = (self._epoch, rng.permutation(self.num_examples))
        return self._order[1]

    def _make(
        self, index: int, rows: slice | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        x, y = self.x[rows], self.y[rows]
        if self.transform is None:
            return x, y
        part = () if self.shard is None else self.shard[:1]
        rng = np.random.default_rng([self.seed, self._epoch, 1 + index, *part])
        return self.transform(x, y, rng)
