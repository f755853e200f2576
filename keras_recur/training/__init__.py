"""Recipes, and training that can be interrupted and resumed."""

from keras_recur.training.fit import TrainingDiverged, fit
from keras_recur.training.recipe import Recipe
from keras_recur.training.replayed_data import ReplayedData
from keras_recur.training.with_state_replay import with_state_replay

__all__ = ["Recipe", "ReplayedData", "TrainingDiverged", "fit", "with_state_replay"]
