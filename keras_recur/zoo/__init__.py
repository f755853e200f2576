"""Families of networks, each described once and built as a pair of twins."""

from keras_recur.zoo import (  # noqa: F401 registers
    convnet,
    deep_thinking,
    feedback,
    frnn,
    frnn_text,
    mlp,
    multistate_resnet,
    resnet,
    scnn,
    swrn,
    swrn_bottleneck,
)
from keras_recur.zoo.anytime import Anytime, AnytimePrediction, anytime
from keras_recur.zoo.build import build
from keras_recur.zoo.costs import Costs, costs
from keras_recur.zoo.family import Family, Published, describe, list_models
from keras_recur.zoo.pair import Pair, PairCosts
from keras_recur.zoo.published import list_published, load
from keras_recur.zoo.stepwise import Stepwise
from keras_recur.zoo.stop_rule import StopRule
from keras_recur.zoo.with_iterations import with_iterations
from keras_recur.zoo.with_policy import with_policy

__all__ = [
    "Anytime",
    "AnytimePrediction",
    "Costs",
    "Family",
    "Pair",
    "PairCosts",
    "Published",
    "Stepwise",
    "StopRule",
    "anytime",
    "build",
    "costs",
    "describe",
    "list_models",
    "list_published",
    "load",
    "with_iterations",
    "with_policy",
]
