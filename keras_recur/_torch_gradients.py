"""On PyTorch, zero the gradients of all variables, even if their paths are equal."""

import functools
from typing import Any

import keras


# Keras 3.15 finds gradients by variable path. Copies of a network in one model have
# equal paths, so all but one would accumulate gradients. So would added LoRA weights.
def zero_all_gradients() -> None:
    """Let `keras.Model.zero_grad` reach every variable of the model."""
    original: Any = keras.Model.zero_grad
    if getattr(original, "_keras_recur", False):
        return

    @functools.wraps(original)
    def zero_grad(self, set_to_none=True):
        original(self, set_to_none)
        for variable in self.trainable_variables:
            gradient = variable.value.grad
            if gradient is None:
                continue
            if set_to_none:
                variable.value.grad = None
            else:
                gradient.zero_()

    extended: Any = zero_grad
    extended._keras_recur = True
    keras.Model.zero_grad = extended
