"""SGD and Adam as the papers' code has them: coupled decay, a slower loop.

PyTorch's `weight_decay` adds `weight_decay * weight` to the gradient, behind clipping;
Keras's is decoupled. And the deep-thinking papers divide the learning rate of the
recurrent module by its iterations, because its gradients add up over them.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops


class _Coupled:
    """Adds the two options to a Keras optimizer."""

    def __init__(
        self,
        *args: Any,
        coupled_weight_decay: float = 0.0,
        multipliers: Mapping[str, float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.coupled_weight_decay = coupled_weight_decay
        self.multipliers = dict(multipliers or {})

    def build(self, variables):
        super().build(variables)  # type: ignore[misc]
        self._multiplier_of = [self.multipliers.get(v.path, 1.0) for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        if self.coupled_weight_decay:
            decay = ops.cast(self.coupled_weight_decay, gradient.dtype)
            gradient = gradient + decay * ops.cast(variable, gradient.dtype)
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]
        if self._multiplier_of[index] != 1.0:
            learning_rate = learning_rate * self._multiplier_of[index]
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]

    def get_config(self):
        return {
            **super().get_config(),  # type: ignore[misc]
            "coupled_weight_decay": self.coupled_weight_decay,
            "multipliers": self.multipliers,
        }


@keras.saving.register_keras_serializable(package="keras_recur")
class CoupledSGD(_Coupled, keras.optimizers.SGD):
    """`keras.optimizers.SGD` with coupled decay and learning rates per weight.

    Args:
        *args: As `keras.optimizers.SGD`.
        coupled_weight_decay: Added to the gradient, times the weight. Default 0.
        multipliers: Factor of the learning rate by variable path. Default 1.
        **kwargs: As `keras.optimizers.SGD`.
    """


@keras.saving.register_keras_serializable(package="keras_recur")
class CoupledAdam(_Coupled, keras.optimizers.Adam):
    """`keras.optimizers.Adam` with coupled decay and learning rates per weight.

    Args:
        *args: As `keras.optimizers.Adam`.
        coupled_weight_decay: Added to the gradient, times the weight. Default 0.
        multipliers: Factor of the learning rate by variable path. Default 1.
        **kwargs: As `keras.optimizers.Adam`.
    """
