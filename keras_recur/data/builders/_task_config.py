"""Base of the configurations of the procedural builders."""

import dataclasses

import tensorflow_datasets as tfds

from keras_recur._validation import check_integer
from keras_recur.data._splits import SPLITS


@dataclasses.dataclass(eq=False, kw_only=True)
class TaskConfig(tfds.core.BuilderConfig):
    """Configuration of a procedural task: size, numbers of examples and seed."""

    name: str = ""
    size: int = 0
    train: int = 10_000
    validation: int = 10_000
    test: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        for split in SPLITS:
            check_integer(split, getattr(self, split), 1)
        check_integer("seed", self.seed, 0)
        # The name tells settings apart, so that no two of them share a folder.
        parts = [f"size_{self.size}"]
        for key in (*SPLITS, "seed"):
            value = getattr(self, key)
            if value != getattr(type(self), key):
                parts.append(f"{key}_{value}")
        self.name = self.name or "-".join(parts)
        self.description = self.description or f"Size {self.size}."

    def counts(self) -> dict[str, int]:
        """Return the number of examples of each split."""
        return {split: getattr(self, split) for split in SPLITS}
