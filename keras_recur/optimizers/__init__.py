"""Optimizers with coupled weight decay, as in the papers' PyTorch code."""

from keras_recur.optimizers.coupled_adam import CoupledAdam
from keras_recur.optimizers.coupled_sgd import CoupledSGD

__all__ = ["CoupledAdam", "CoupledSGD"]
