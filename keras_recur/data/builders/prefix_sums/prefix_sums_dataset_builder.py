"""TensorFlow Datasets builder of `keras_recur.data.prefix_sums`."""

import dataclasses
from collections.abc import Iterator
from typing import cast

import numpy as np
import tensorflow_datasets as tfds

from keras_recur._limits import MAX_SIZE
from keras_recur._validation import check_integer
from keras_recur.data.builders._task_config import TaskConfig
from keras_recur.data.sets.prefix_sums import prefix_sums

SIZES = (*range(16, 65), 72, 128, 256, 512)


@dataclasses.dataclass(eq=False, kw_only=True)
class PrefixSumsConfig(TaskConfig):
    """Configuration of the prefix sums.

    Args:
        size: Length of the strings in bits, 1 or more. Defaults to `16`.
        train: Number of training strings. Defaults to `10_000`.
        validation: Number of validation strings. Defaults to `10_000`.
        test: Number of test strings. Defaults to `10_000`.
        seed: Seed of the strings. Defaults to `0`.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    builder = KerasRecurPrefixSums(config=PrefixSumsConfig(size=100, train=1000))
    builder.download_and_prepare()
    ```
    """

    size: int = 16

    def __post_init__(self) -> None:
        check_integer("size", self.size, 1, maximum=MAX_SIZE)
        super().__post_init__()


class KerasRecurPrefixSums(tfds.core.GeneratorBasedBuilder):
    """Prefix sums of bits modulo two, as in `keras_recur.data.prefix_sums`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [PrefixSumsConfig(size=size) for size in SIZES]

    @property
    def _task(self) -> PrefixSumsConfig:
        return cast(PrefixSumsConfig, self.builder_config)

    def _info(self) -> tfds.core.DatasetInfo:
        size = self._task.size
        return tfds.core.DatasetInfo(
            builder=self,
            description="Prefix sums of bits modulo two, made on the spot.",
            features=tfds.features.FeaturesDict(
                {
                    "x": tfds.features.Tensor(shape=(size, 1), dtype=np.float32),
                    "y": tfds.features.Tensor(shape=(size,), dtype=np.int32),
                }
            ),
            supervised_keys=("x", "y"),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        del dl_manager
        counts = self._task.counts()
        return {
            split: self._generate_examples(split, count)
            for split, count in counts.items()
        }

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict]]:
        config = self._task
        strings = prefix_sums(count, config.size, split, config.seed)
        for i, (x, y) in enumerate(zip(*strings, strict=True)):
            yield i, {"x": x, "y": y}
