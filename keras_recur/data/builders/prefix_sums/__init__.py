"""Prefix sums as a TensorFlow Datasets builder."""

from keras_recur.data.builders.prefix_sums.prefix_sums_dataset_builder import (
    KerasRecurPrefixSums,
    PrefixSumsConfig,
)

__all__ = ["KerasRecurPrefixSums", "PrefixSumsConfig"]
