"""What the configurations of all procedural builders have in common."""

import dataclasses

import tensorflow_datasets as tfds

from keras_recur._validation import check_integer
from keras_recur.data._splits import SPLITS


@dataclasses.dataclass(eq=False, kw_only=True)
class TaskConfig(tfds.core.BuilderConfig):
    """Size, numbers of examples and seed of a procedural task.

    The name is made of whatever differs from the defaults, so that two
    configurations never share a folder.

    Args:
        size: Size of the task.
        train: Number of training examples.
        validation: Number of validation examples.
        test: Number of test examples.
        seed: Seed of the examples. Defaults to `0`.
    """

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
        parts = [f"size_{self.size}"]
        for key in (*SPLITS, "seed"):
            value = getattr(self, key)
            if value != getattr(type(self), key):
                parts.append(f"{key}_{value}")
        self.name = self.name or "-".join(parts)
        self.description = self.description or f"Size {self.size}."

    def counts(self) -> dict[str, int]:
        """Returns the number of examples of each split."""
        return {split: getattr(self, split) for split in SPLITS}
