"""Run trained models: iteration by iteration, for longer, or until a rule stops them."""

from keras_recur.inference.confidence import confidence
from keras_recur.inference.early_exit import EarlyExitPredictor
from keras_recur.inference.early_exit_prediction import EarlyExitPrediction
from keras_recur.inference.readout_policy import ReadoutPolicy
from keras_recur.inference.stepwise import Stepwise
from keras_recur.inference.stop_rule import StopRule
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.inference.with_readout_policy import with_readout_policy

__all__ = [
    "EarlyExitPrediction",
    "EarlyExitPredictor",
    "ReadoutPolicy",
    "Stepwise",
    "StopRule",
    "confidence",
    "with_iterations",
    "with_readout_policy",
]
