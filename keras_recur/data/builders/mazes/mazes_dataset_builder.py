"""TensorFlow Datasets builder of `keras_recur.data.mazes`."""

import dataclasses
from collections.abc import Iterator
from typing import cast

import numpy as np
import tensorflow_datasets as tfds

from keras_recur.data.builders._task_config import TaskConfig
from keras_recur.data.sets.mazes import check_maze_size, draw_maze

SIZES = (9, 11, 13, 15, 17, 33, 59)


@dataclasses.dataclass(eq=False, kw_only=True)
class MazesConfig(TaskConfig):
    """Configuration of the mazes.

    Args:
        size: Odd integer of at least 3. Defaults to `9`.
        train: Number of training mazes. Defaults to `50_000`.
        validation: Number of validation mazes. Defaults to `10_000`.
        test: Number of test mazes. Defaults to `10_000`.
        seed: Seed of the mazes. Defaults to `0`.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    builder = KerasRecurMazes(config=MazesConfig(size=21, train=1000))
    builder.download_and_prepare()
    ```
    """

    size: int = 9
    train: int = 50_000

    def __post_init__(self) -> None:
        check_maze_size(self.size)
        super().__post_init__()


class KerasRecurMazes(tfds.core.GeneratorBasedBuilder):
    """Codes and solutions of `keras_recur.data.mazes`, for `data.render_mazes`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [MazesConfig(size=size) for size in SIZES]

    @property
    def _task(self) -> MazesConfig:
        return cast(MazesConfig, self.builder_config)

    def _info(self) -> tfds.core.DatasetInfo:
        side = self._task.size + 2
        return tfds.core.DatasetInfo(
            builder=self,
            description="Mazes with one solution, made on the spot.",
            features=tfds.features.FeaturesDict(
                {
                    "codes": tfds.features.Tensor(shape=(side, side), dtype=np.uint8),
                    "solution": tfds.features.Tensor(
                        shape=(side, side), dtype=np.uint8
                    ),
                }
            ),
            supervised_keys=("codes", "solution"),
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
        for i in range(count):
            codes, solution = draw_maze(i, config.size, split, config.seed)
            yield i, {"codes": codes, "solution": solution.astype("uint8")}
