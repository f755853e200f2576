"""Data sets: tasks made on the spot, digits, a text, and image sets through TFDS."""

from keras_recur.data.array_dataset import ArrayDataset
from keras_recur.data.characters import decode_text, encode_text
from keras_recur.data.curriculum import Curriculum
from keras_recur.data.datasets import DataSpec, describe, input_shape, list_datasets
from keras_recur.data.load import load
from keras_recur.data.mazes import maze, mazes, render
from keras_recur.data.prefix_sums import prefix_sum, prefix_sums
from keras_recur.data.preprocessing import preprocessing
from keras_recur.data.python_docs import python_docs
from keras_recur.data.register_builders import register_builders
from keras_recur.data.shortest_paths import shortest_path, shortest_paths
from keras_recur.data.superclasses import superclasses

__all__ = [
    "ArrayDataset",
    "Curriculum",
    "DataSpec",
    "decode_text",
    "describe",
    "encode_text",
    "input_shape",
    "list_datasets",
    "load",
    "maze",
    "mazes",
    "prefix_sum",
    "prefix_sums",
    "preprocessing",
    "python_docs",
    "register_builders",
    "render",
    "shortest_path",
    "shortest_paths",
    "superclasses",
]
