"""Adam with coupled weight decay."""

import keras
from keras import ops

from keras_recur.optimizers._coupled import Coupled

# In bfloat16, a `beta_2` of 0.999 rounds to 1, and Adam would not move.
_HALF = ("float16", "bfloat16")


class _WideAdam(keras.optimizers.Adam):
    """Adam that computes in float32 for weights in half precision."""

    def add_variable(self, shape, *args, dtype=None, **kwargs):
        dtype = "float32" if dtype in _HALF else dtype
        return super().add_variable(shape, *args, dtype=dtype, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        if keras.backend.standardize_dtype(variable.dtype) not in _HALF:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        mean, square = self._momentums[index], self._velocities[index]
        gradient, rate, step = (
            ops.cast(value, "float32")
            for value in (gradient, learning_rate, self.iterations + 1)
        )
        for held, now, beta in (
            (mean, gradient, self.beta_1),
            (square, ops.square(gradient), self.beta_2),
        ):
            self.assign(held, beta * held + (1 - beta) * now)
        if self.amsgrad:
            largest = self._velocity_hats[index]
            self.assign(largest, ops.maximum(largest, square))
            square = largest
        # Not in place: on PyTorch, a float32 rate is the optimizer's own tensor.
        rate = rate * ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        moved = rate * mean / (ops.sqrt(square) + self.epsilon)
        value = ops.cast(variable, "float32") - moved
        self.assign(variable, ops.cast(value, variable.dtype))


@keras.saving.register_keras_serializable(package="keras_recur")
class CoupledAdam(Coupled, _WideAdam):
    """`keras.optimizers.Adam` with coupled decay and learning rates per variable.

    Moments and steps of half-precision weights are computed in float32. Small steps of
    such weights are still lost in rounding, unless `dtype="mixed_bfloat16"` is used.

    Args:
        *args: Arguments of `keras.optimizers.Adam`.
        coupled_weight_decay: Multiple of each weight that is added to its gradient.
            Defaults to `0.0`.
        multipliers: One factor of the learning rate per trainable variable, in the
            order of `model.trainable_variables`. Defaults to `None` (1 for all).
        decayed: Whether the decay applies to each trainable variable, in the same
            order. Defaults to `None` (it applies to all).
        **kwargs: Keyword arguments of `keras.optimizers.Adam`.

    Raises:
        ValueError: If an argument has an invalid value, or the number of values
            differs from the number of trainable variables.

    Example:

    >>> optimizer = keras_recur.optimizers.CoupledAdam(1e-3, coupled_weight_decay=2e-4)
    """
