"""On PyTorch, zero the gradients of all variables, also of those with equal paths.

Keras finds the gradients to zero by the variables' paths (Keras 3.15, torch/layer.py).
Two networks of the same layers in one model (an ensemble of a family, a file that was
loaded twice, a clone) have equal paths, and the gradients of all but one of them would
add up over the steps. So would those of weights that a layer grows after the model was
first trained, such as LoRA's. Layers cannot mend this from within, because a path is
given where a model is written, so the method itself is extended.
"""

import functools
from typing import Any

import keras


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
