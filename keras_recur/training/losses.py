"""Losses over the readouts of a loop."""

from keras_recur.training.coarse_to_fine_loss import CoarseToFineLoss
from keras_recur.training.iteration_loss import IterationLoss

__all__ = ["CoarseToFineLoss", "IterationLoss"]
