"""Layers that loop and share weights."""

from keras_recur.layers.depth import Depth
from keras_recur.layers.every_nth_iteration import EveryNthIteration
from keras_recur.layers.iteration import Iteration, current_iteration
from keras_recur.layers.leaky_update import LeakyUpdate
from keras_recur.layers.readout import Readout
from keras_recur.layers.recurrent_graph import RecurrentGraph
from keras_recur.layers.shared_recurrent_block import SharedRecurrentBlock
from keras_recur.layers.state_replay import StateReplay
from keras_recur.layers.template_bank import TemplateBank
from keras_recur.layers.template_conv_1d import TemplateConv1D
from keras_recur.layers.template_conv_2d import TemplateConv2D
from keras_recur.layers.template_dense import TemplateDense
from keras_recur.layers.time_specific_batch_normalization import (
    TimeSpecificBatchNormalization,
)
from keras_recur.layers.transition import Transition, resnet_transitions
from keras_recur.layers.zero_state import ZeroState

__all__ = [
    "Depth",
    "EveryNthIteration",
    "Iteration",
    "LeakyUpdate",
    "Readout",
    "RecurrentGraph",
    "SharedRecurrentBlock",
    "StateReplay",
    "TemplateBank",
    "TemplateConv1D",
    "TemplateConv2D",
    "TemplateDense",
    "TimeSpecificBatchNormalization",
    "Transition",
    "ZeroState",
    "current_iteration",
    "resnet_transitions",
]
