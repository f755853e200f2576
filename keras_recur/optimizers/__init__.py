"""Optimizers with coupled weight decay, as in the papers' PyTorch code."""

from keras_recur.optimizers.coupled import CoupledAdam, CoupledSGD

__all__ = ["CoupledAdam", "CoupledSGD"]
