"""Data sets: procedural tasks made on the spot, digits, and image sets through TFDS."""

from keras_recur.data.array_dataset import ArrayDataset
from keras_recur.data.curriculum import Curriculum
from keras_recur.data.datasets import DataSpec, describe, input_shape, list_datasets
from keras_recur.data.load import load
from keras_recur.data.mazes import maze, mazes, render
from keras_recur.data.prefix_sums import prefix_sum, prefix_sums
from keras_recur.data.register_builders import register_builders
from keras_recur.data.shortest_paths import shortest_path, shortest_paths

__all__ = [
    "ArrayDataset",
    "Curriculum",
    "DataSpec",
    "describe",
    "input_shape",
    "list_datasets",
    "load",
    "maze",
    "mazes",
    "prefix_sum",
    "prefix_sums",
    "register_builders",
    "render",
    "shortest_path",
    "shortest_paths",
]
