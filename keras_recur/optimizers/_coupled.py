"""Coupled weight decay and learning rates per variable, as in the papers' code."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_recur._validation import (
    check_flag,
    check_number,
    check_sequence,
    check_strength,
)


class Coupled:
    """Mixin that adds coupled decay and learning rates per variable."""

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
        # Lists, because the names of variables differ between models.
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
                    f"`{name}` must have one value per trainable variable. Received: "
                    f"{len(given)} values for {count} variables."
                )
        super().build(variables)  # type: ignore[misc]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]
        if self.coupled_weight_decay and (self.decayed is None or self.decayed[index]):
            # As in PyTorch, after clipping. The decay of Keras is decoupled.
            decay = ops.cast(self.coupled_weight_decay, gradient.dtype)
            gradient = gradient + decay * ops.cast(variable, gradient.dtype)
        if self.multipliers is not None:
            # Gradients of recurrent weights add up over the iterations.
            learning_rate = learning_rate * self.multipliers[index]
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]

    def get_config(self):
        return {
            **super().get_config(),  # type: ignore[misc]
            "coupled_weight_decay": self.coupled_weight_decay,
            "multipliers": self.multipliers,
            "decayed": self.decayed,
        }
