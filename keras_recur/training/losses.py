"""Losses over the readouts of a loop."""

from keras_recur.losses.coarse_to_fine_loss import CoarseToFineLoss
from keras_recur.losses.iteration_loss import IterationLoss

__all__ = ["CoarseToFineLoss", "IterationLoss"]
