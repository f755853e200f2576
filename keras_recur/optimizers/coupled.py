"""SGD and Adam as the papers' code has them: coupled decay, a slower loop.

PyTorch's `weight_decay` adds `weight_decay * weight` to the gradient, behind clipping;
Keras's is decoupled. And the deep-thinking papers divide the learning rate of the
recurrent module by its iterations, because its gradients add up over them.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_recur._validation import (
    check_flag,
    check_number,
    check_sequence,
    check_strength,
)

_HALF = ("float16", "bfloat16")


class _Coupled:
    """Adds the two options to a Keras optimizer."""

    def __init__(
        self,
        *args: Any,
        coupled_weight_decay: float = 0.0,
        multipliers: Sequence[float] | None = None,
        decayed: Sequence[bool] | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.coupled_weight_decay = check_strength(
            "coupled_weight_decay", coupled_weight_decay
        )
        # Not by the variables' names: a loaded model's may differ from a built one's.
        self.multipliers = multipliers
        if multipliers is not None:
            self.multipliers = check_sequence(
                "multipliers", multipliers, lambda name, m: check_number(name, m, 0)
            )
        self.decayed = decayed
        if decayed is not None:
            self.decayed = check_sequence("decayed", decayed, check_flag)

    def build(self, variables):
        variables = list(variables)
        count = len(variables)
        for name in ("multipliers", "decayed"):
            given = getattr(self, name)
            if given is not None and len(given) != count:
                raise ValueError(
                    f"`{name}` must be one value per trainable variable. Received: "
                    f"{len(given)} for {count} variables."
                )
        super().build(variables)  # type: ignore[misc]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]
        if self.coupled_weight_decay and (self.decayed is None or self.decayed[index]):
            decay = ops.cast(self.coupled_weight_decay, gradient.dtype)
            gradient = gradient + decay * ops.cast(variable, gradient.dtype)
        if self.multipliers is not None:
            learning_rate = learning_rate * self.multipliers[index]
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]

    def get_config(self):
        return {
            **super().get_config(),  # type: ignore[misc]
            "coupled_weight_decay": self.coupled_weight_decay,
            "multipliers": self.multipliers,
            "decayed": self.decayed,
        }


class _TorchSGD(keras.optimizers.SGD):
    """SGD whose momentum holds gradients, as PyTorch's, not steps, as Keras's.

    They differ where the learning rate changes: at milestones and in warm-up.
    """

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = ops.cast(learning_rate, variable.dtype)
        step = ops.cast(gradient, variable.dtype)
        if self.momentum:
            held = self.momentums[self._get_variable_index(variable)]
            momentum = ops.cast(self.momentum, variable.dtype)
            value = momentum * held + step
            self.assign(held, value)
            step = step + momentum * value if self.nesterov else value
        self.assign_sub(variable, learning_rate * step)


class _WideAdam(keras.optimizers.Adam):
    """Adam that computes in float32 for weights in half precision."""

    def add_variable(self, shape, *args, dtype=None, **kwargs):
        dtype = "float32" if dtype in _HALF else dtype
        return super().add_variable(shape, *args, dtype=dtype, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        if not _is_half(variable):
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
        # Not in place: the cast of a float32 rate is the optimizer's own on PyTorch.
        rate = rate * ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        moved = rate * mean / (ops.sqrt(square) + self.epsilon)
        value = ops.cast(variable, "float32") - moved
        self.assign(variable, ops.cast(value, variable.dtype))


def _is_half(variable):
    return keras.backend.standardize_dtype(variable.dtype) in _HALF


@keras.saving.register_keras_serializable(package="keras_recur")
class CoupledSGD(_Coupled, _TorchSGD):
    """SGD as in PyTorch: coupled decay, and momentum of gradients.

    Args:
        *args: As `keras.optimizers.SGD`.
        coupled_weight_decay: Added to the gradient, times the weight. Default 0.
        multipliers: Factor of the learning rate of each trainable variable, in the
            order of `model.trainable_variables`. Default: 1 for all.
        decayed: Whether the decay is for each trainable variable, in that order.
            Default: it is for all.
        **kwargs: As `keras.optimizers.SGD`.

    Raises:
        ValueError: If an argument is not as described, or there are not as many values
            as trainable variables.

    Example:

    >>> optimizer = keras_recur.optimizers.CoupledSGD(
    ...     0.1, momentum=0.9, coupled_weight_decay=2e-4
    ... )
    """


@keras.saving.register_keras_serializable(package="keras_recur")
class CoupledAdam(_Coupled, _WideAdam):
    """`keras.optimizers.Adam` with coupled decay and learning rates per weight.

    Moments of weights in half precision are kept, and steps computed, in float32: in
    bfloat16 0.999 is 1, and Adam would move nothing. A step that is small against such
    a weight is still lost when it is rounded; `dtype="mixed_bfloat16"` keeps it.

    Args:
        *args: As `keras.optimizers.Adam`.
        coupled_weight_decay: Added to the gradient, times the weight. Default 0.
        multipliers: Factor of the learning rate of each trainable variable, in the
            order of `model.trainable_variables`. Default: 1 for all.
        decayed: Whether the decay is for each trainable variable, in that order.
            Default: it is for all.
        **kwargs: As `keras.optimizers.Adam`.

    Raises:
        ValueError: If an argument is not as described, or there are not as many values
            as trainable variables.

    Example:

    >>> optimizer = keras_recur.optimizers.CoupledAdam(1e-3, coupled_weight_decay=2e-4)
    """
