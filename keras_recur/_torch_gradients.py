"""Zero the gradients of all variables on PyTorch, also those with equal paths.

Keras finds the gradients to zero by the paths of variables (Keras 3.15,
torch/layer.py). Two networks of the same layers in one model (an ensemble, a file
loaded twice, a clone) have equal paths, so the gradients of all but one of them would
add up over the steps. So would those of weights that a layer adds after the first
training step, such as LoRA's. Layers cannot prevent this, because a path is given where
a model is written, so the method itself is extended.
"""

import functools
from typing import Any

import keras


def zero_all_gradients() -> None:
    """Extend `keras.Model.zero_grad` to every variable of the model."""
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
