"""Callbacks for `fit`."""

from keras_recur.analysis.similarity_history import SimilarityHistory
from keras_recur.training.annealing import Annealing
from keras_recur.training.checkpoint import Checkpoint

__all__ = ["Annealing", "Checkpoint", "SimilarityHistory"]
