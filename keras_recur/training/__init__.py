"""Recipes, and training that can be interrupted and resumed."""

from keras_recur.training.fit import TrainingDiverged, fit
from keras_recur.training.recipe import Recipe

__all__ = ["Recipe", "TrainingDiverged", "fit"]
