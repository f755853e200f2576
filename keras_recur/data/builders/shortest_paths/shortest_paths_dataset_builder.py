"""TensorFlow Datasets builder of `keras_recur.data.shortest_paths`."""

import dataclasses
from collections.abc import Iterator
from typing import cast

import numpy as np
import tensorflow_datasets as tfds

from keras_recur._limits import MAX_SIZE
from keras_recur._validation import check_integer
from keras_recur.data.builders._task_config import TaskConfig
from keras_recur.data.sets._grid_options import (
    DEFAULT_CONNECTIVITY,
    DEFAULT_DENSITY,
    check_connectivity,
    check_density,
    check_window,
)
from keras_recur.data.sets.shortest_paths import shortest_paths

WINDOWS = (5, 9, 13, 17, 21)


@dataclasses.dataclass(eq=False, kw_only=True)
class ShortestPathsConfig(TaskConfig):
    """Configuration of the shortest paths.

    Args:
        size: Side of the grid in cells, 2 or more. Defaults to `32`.
        window: Side of the window around each query point that contains the other, an
            odd number from 3 to `2 * size - 1`. Defaults to `None`: 21, or the largest
            that the grid allows.
        density: Probability of an obstacle. Defaults to `0.1`.
        connectivity: 4, or 8 to allow diagonal steps. Defaults to `4`.
        train: Number of training grids. Defaults to `5_000`.
        validation: Number of validation grids. Defaults to `1_000`.
        test: Number of test grids. Defaults to `1_000`.
        seed: Seed of the grids. Defaults to `0`.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    config = ShortestPathsConfig(size=64, window=41, train=1000)
    builder = KerasRecurShortestPaths(config=config)
    builder.download_and_prepare()
    ```
    """

    size: int = 32
    window: int | None = None
    density: float = DEFAULT_DENSITY
    connectivity: int = DEFAULT_CONNECTIVITY
    train: int = 5_000
    validation: int = 1_000
    test: int = 1_000

    def __post_init__(self) -> None:
        check_integer("size", self.size, 2, maximum=MAX_SIZE)
        self.window = check_window(self.window, self.size)
        check_density(self.density)
        check_connectivity(self.connectivity)
        named = bool(self.name)
        super().__post_init__()
        if named:
            return
        self.name += f"-window_{self.window}"
        for key in ("density", "connectivity"):
            value = getattr(self, key)
            if value != getattr(type(self), key):
                self.name += f"-{key}_{value}"


class KerasRecurShortestPaths(tfds.core.GeneratorBasedBuilder):
    """Shortest paths in grids, as in `keras_recur.data.shortest_paths`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [ShortestPathsConfig(window=window) for window in WINDOWS]
    DEFAULT_BUILDER_CONFIG_NAME = "size_32-window_21"

    @property
    def _task(self) -> ShortestPathsConfig:
        return cast(ShortestPathsConfig, self.builder_config)

    def _info(self) -> tfds.core.DatasetInfo:
        size = self._task.size
        zlib = tfds.features.Encoding.ZLIB
        return tfds.core.DatasetInfo(
            builder=self,
            description="Shortest paths in grids with obstacles, made on the spot.",
            features=tfds.features.FeaturesDict(
                {
                    "x": tfds.features.Tensor(
                        shape=(size, size, 2), dtype=np.float32, encoding=zlib
                    ),
                    "y": tfds.features.Tensor(
                        shape=(size, size), dtype=np.int32, encoding=zlib
                    ),
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
        grids = shortest_paths(
            count,
            config.size,
            split,
            config.seed,
            window=config.window,
            density=config.density,
            connectivity=config.connectivity,
        )
        for i, (x, y) in enumerate(zip(*grids, strict=True)):
            yield i, {"x": x, "y": y}
