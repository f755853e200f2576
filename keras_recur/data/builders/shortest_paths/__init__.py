"""Shortest paths as a TensorFlow Datasets builder."""

from keras_recur.data.builders.shortest_paths.shortest_paths_dataset_builder import (
    KerasRecurShortestPaths,
    ShortestPathsConfig,
)

__all__ = ["KerasRecurShortestPaths", "ShortestPathsConfig"]
