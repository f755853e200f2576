"""Request: the checked arguments of `load`, which make the examples."""

import dataclasses
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Request:
    """Checked arguments of one call of `load`.

    Attributes:
        num_examples: Number of examples, or `None` for the data set's default.
        default: The data set's default number of examples in this split.
        split: Name of the split, or a slice such as "train[:90%]".
        size: Size of the examples, or `None` for a data set without sizes.
        seed: Seed of the examples, their order and their augmentation.
        options: The data set's own options by name, with their defaults.
        batch_size: Examples per batch.
        augment: Whether to augment.
        shuffle: Whether to shuffle in every epoch.
        training: Whether the split is one to train on.
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
    augment: bool
    shuffle: bool
    training: bool
    data_dir: str | Path | None
    download: bool
    progress: bool

    @property
    def count(self) -> int:
        """The number of examples: `num_examples`, or else the default."""
        return self.num_examples or self.default
