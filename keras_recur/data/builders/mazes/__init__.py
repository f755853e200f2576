"""Mazes as a TensorFlow Datasets builder."""

from keras_recur.data.builders.mazes.mazes_dataset_builder import (
    KerasRecurMazes,
    MazesConfig,
)

__all__ = ["KerasRecurMazes", "MazesConfig"]
