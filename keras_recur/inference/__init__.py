"""Run trained models step by step, for longer, or until a rule stops them."""

from keras_recur.inference.breadth import breadth
from keras_recur.inference.breadth_prediction import BreadthPrediction
from keras_recur.inference.confidence import confidence
from keras_recur.inference.early_exit import EarlyExitPredictor
from keras_recur.inference.early_exit_prediction import EarlyExitPrediction
from keras_recur.inference.readout_policy import ReadoutPolicy
from keras_recur.inference.stepwise import Stepwise
from keras_recur.inference.stop_rule import StopRule
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.inference.with_readout_policy import with_readout_policy

__all__ = [
    "BreadthPrediction",
    "EarlyExitPrediction",
    "EarlyExitPredictor",
    "ReadoutPolicy",
    "Stepwise",
    "StopRule",
    "breadth",
    "confidence",
    "with_iterations",
    "with_readout_policy",
]
