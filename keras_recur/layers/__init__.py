"""What loops and what is shared. Pure Keras layers, usable with no other room."""

from keras_recur.layers.iteration import Iteration, current_iteration
from keras_recur.layers.readout import Readout
from keras_recur.layers.shared_recurrent_block import SharedRecurrentBlock
from keras_recur.layers.time_specific_batch_normalization import (
    TimeSpecificBatchNormalization,
)

__all__ = [
    "Iteration",
    "Readout",
    "SharedRecurrentBlock",
    "TimeSpecificBatchNormalization",
    "current_iteration",
]
