"""Recipes, losses over iterations, and training that can be interrupted."""

from keras_recur.training import losses
from keras_recur.training.annealing import Annealing
from keras_recur.training.checkpoint import Checkpoint
from keras_recur.training.coarse_to_fine_loss import CoarseToFineLoss
from keras_recur.training.exact_match import ExactMatch
from keras_recur.training.f1 import F1
from keras_recur.training.fit import TrainingDiverged, fit
from keras_recur.training.iteration_loss import IterationLoss
from keras_recur.training.optimizers import CoupledAdam, CoupledSGD
from keras_recur.training.recipe import Recipe
from keras_recur.training.recipes import paper_recipe

__all__ = [
    "Annealing",
    "Checkpoint",
    "CoarseToFineLoss",
    "CoupledAdam",
    "CoupledSGD",
    "F1",
    "ExactMatch",
    "IterationLoss",
    "Recipe",
    "TrainingDiverged",
    "fit",
    "losses",
    "paper_recipe",
]
