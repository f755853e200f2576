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

    >>> optimizer = keras_recur.training.CoupledSGD(
    ...     0.1, momentum=0.9, coupled_weight_decay=2e-4
    ... )
    """


@keras.saving.register_keras_serializable(package="keras_recur")
class CoupledAdam(_Coupled, keras.optimizers.Adam):
    """`keras.optimizers.Adam` with coupled decay and learning rates per weight.

    Weights in half precision are refused: 0.999 is 1 in bfloat16, so that Adam would
    never move them, and squares of gradients are 0 in float16.

    Args:
        *args: As `keras.optimizers.Adam`.
        coupled_weight_decay: Added to the gradient, times the weight. Default 0.
        multipliers: Factor of the learning rate of each trainable variable, in the
            order of `model.trainable_variables`. Default: 1 for all.
        decayed: Whether the decay is for each trainable variable, in that order.
            Default: it is for all.
        **kwargs: As `keras.optimizers.Adam`.

    Raises:
        ValueError: If an argument is not as described, there are not as many values as
            trainable variables, or weights are in half precision.

    Example:

    >>> optimizer = keras_recur.training.CoupledAdam(1e-3, coupled_weight_decay=2e-4)
    """

    def build(self, variables):
        variables = list(variables)
        for variable in variables:
            dtype = keras.backend.standardize_dtype(variable.dtype)
            if dtype in ("bfloat16", "float16"):
                raise ValueError(
                    "Adam needs weights in float32, since its second moments are lost "
                    f"in half precision. Received: {variable.path!r} in {dtype}. Build "
                    f"the model with dtype='mixed_{dtype}', or use SGD."
                )
        super().build(variables)
