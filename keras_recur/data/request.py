"""Checked arguments of `load`."""

import dataclasses
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Request:
    """Checked arguments of one call of `load`, which the `make` of a data set receives.

    Attributes:
        num_examples: Number of examples, or `None` for the default.
        default: Default number of examples in this split.
        split: Name of the split, or a slice such as "train[:90%]".
        size: Size of the examples, or `None` for a data set without sizes.
        seed: Seed of the examples, their order and their augmentation.
        options: Options of the data set by name, with their defaults.
        batch_size: Examples per batch, over all shards.
        shard: Index of this process and number of processes, or `None`.
        augment: Whether to augment.
        shuffle: Whether to shuffle in every epoch.
        training: Whether the split is a training split.
        data_dir: Folder of the data, or `None` for the default.
        download: Whether to download missing data.
        progress: Whether to show a progress bar.
    """

    num_examples: int | None
    default: int
    split: str
    size: Any
    seed: int
    options: dict[str, Any]
    batch_size: int
    shard: tuple[int, int] | None
    augment: bool
    shuffle: bool
    training: bool
    data_dir: str | Path | None
    download: bool
    progress: bool

    @property
    def count(self) -> int:
        """The number of examples to make: `num_examples`, or the default."""
        return self.num_examples or self.default
