"""SGD as in PyTorch."""

import keras
from keras import ops

from keras_recur.optimizers._coupled import Coupled


class _TorchSGD(keras.optimizers.SGD):
    """SGD whose momentum accumulates gradients, as in PyTorch."""

    def update_step(self, gradient, variable, learning_rate):
        # Keras accumulates steps, which differs when the learning rate changes.
        learning_rate = ops.cast(learning_rate, variable.dtype)
        step = ops.cast(gradient, variable.dtype)
        if self.momentum:
            held = self.momentums[self._get_variable_index(variable)]
            momentum = ops.cast(self.momentum, variable.dtype)
            value = momentum * held + step
            self.assign(held, value)
            step = step + momentum * value if self.nesterov else value
        self.assign_sub(variable, learning_rate * step)


@keras.saving.register_keras_serializable(package="keras_recur")
class CoupledSGD(Coupled, _TorchSGD):
    """SGD with coupled decay and with momentum of gradients, as in PyTorch.

    Args:
        *args: Arguments of `keras.optimizers.SGD`.
        coupled_weight_decay: Multiple of each weight that is added to its gradient.
            Defaults to `0.0`.
        multipliers: One factor of the learning rate per trainable variable, in the
            order of `model.trainable_variables`. Defaults to `None` (1 for all).
        decayed: Whether the decay applies to each trainable variable, in the same
            order. Defaults to `None` (it applies to all).
        **kwargs: Keyword arguments of `keras.optimizers.SGD`.

    Raises:
        ValueError: If an argument has an invalid value, or the number of values
            differs from the number of trainable variables.

    Example:

    >>> optimizer = keras_recur.optimizers.CoupledSGD(
    ...     0.1, momentum=0.9, coupled_weight_decay=2e-4
    ... )
    """
