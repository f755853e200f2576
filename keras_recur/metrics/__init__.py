"""Metrics for answers with many positions."""

from keras_recur.metrics.exact_match import ExactMatch
from keras_recur.metrics.positive_f1 import PositiveF1

__all__ = ["ExactMatch", "PositiveF1"]
