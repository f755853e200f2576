"""Initializers of a network's layers, each with a seed of its own."""

import random
from typing import Any

import keras

from keras_recur._limits import check_seed
from keras_recur._memory import check_memory
from keras_recur._validation import check_string
from keras_recur.layers import TemplateBank
from keras_recur.layers._keras_arguments import check_keras
from keras_recur.regularizers import RecurrenceRegularizer


class SeededInitializers:
    """Hands out initial values, layer by layer, from one seed.

    Args:
        initializer: `"torch_default"`: kernels and biases uniform in plus or minus
            1/sqrt(fan_in), which the papers' PyTorch code left in place. Or the name
            of any Keras initializer, for kernels; biases then start at zero.
        seed: Integer, or `None` to draw one (`keras.utils.set_random_seed` makes it
            repeatable).
    """

    def __init__(self, initializer: str = "torch_default", seed: int | None = None):
        self.initializer = check_string("initializer", initializer)
        seed = check_seed(seed)
        self.seed = random.randrange(2**31) if seed is None else seed
        self._next = random.Random(self.seed)
        if initializer != "torch_default":
            check_keras("initializer", initializer, keras.initializers.get)

    def draw_seed(self) -> int:
        """The next seed, for a layer that draws random numbers."""
        return self._next.randrange(2**31)

    def kernel_initializer(self) -> Any:
        """What starts kernels of any shape, for layers that seed them themselves."""
        if self.initializer == "torch_default":
            return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        return self.initializer

    def bank(self, templates: int | str, recurrence: float = 0.0) -> TemplateBank:
        """The specification of the template banks of a network."""
        return TemplateBank(
            None if templates == "layers" else int(templates),
            templates_initializer=self.kernel_initializer(),
            coefficients_regularizer=RecurrenceRegularizer(recurrence)
            if recurrence
            else None,
            seed=self.draw_seed(),
            name="bank",
        )

    def __call__(self, fan_in: int) -> dict[str, Any]:
        """Keyword arguments for a layer whose outputs each sum `fan_in` inputs."""
        if self.initializer != "torch_default":
            kernel = keras.initializers.get(self.initializer)
            config = {**kernel.get_config(), "seed": self.draw_seed()}
            if "seed" not in kernel.get_config():
                config.pop("seed")
            return {"kernel_initializer": type(kernel).from_config(config)}
        check_memory("A kernel", 4 * fan_in, f"a layer of {fan_in} inputs")
        limit = fan_in**-0.5
        return {
            name: keras.initializers.RandomUniform(-limit, limit, self.draw_seed())
            for name in ("kernel_initializer", "bias_initializer")
        }
