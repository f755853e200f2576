"""Data sets: procedural tasks, digits, a text, and image sets through TFDS."""

from keras_recur.data.array_dataset import ArrayDataset
from keras_recur.data.characters import decode_text, encode_text
from keras_recur.data.curriculum import Curriculum
from keras_recur.data.data_spec import (
    DataSpec,
    describe,
    input_shape,
    list_datasets,
    register,
)
from keras_recur.data.load import load
from keras_recur.data.preprocessing import preprocessing
from keras_recur.data.register_builders import register_builders
from keras_recur.data.request import Request
from keras_recur.data.sets.mazes import mazes, render_mazes
from keras_recur.data.sets.mnist1d import mnist1d
from keras_recur.data.sets.prefix_sums import prefix_sums
from keras_recur.data.sets.python_docs import python_docs
from keras_recur.data.sets.shortest_paths import shortest_paths
from keras_recur.data.superclasses import superclasses

__all__ = [
    "ArrayDataset",
    "Curriculum",
    "DataSpec",
    "Request",
    "decode_text",
    "describe",
    "encode_text",
    "input_shape",
    "list_datasets",
    "load",
    "mazes",
    "mnist1d",
    "prefix_sums",
    "preprocessing",
    "python_docs",
    "register",
    "register_builders",
    "render_mazes",
    "shortest_paths",
    "superclasses",
]
