"""Initial values of all layers of a network, from one seed."""

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
    """Initializers for the layers of a network, each with its own seed.

    The function of a family gets them as its first argument and calls them once per
    layer. Both twins start with the same first weights if the function creates its
    layers in the same order for every `sharing`.

    Args:
        initializer: `"torch_default"` draws kernels and biases uniformly between
            -1/sqrt(fan_in) and 1/sqrt(fan_in), as the PyTorch code of most papers does.
            A Keras initializer, by name, draws kernels only; biases are zero. Defaults
            to `"torch_default"`.
        seed: Integer from 0 to 4294967295. Defaults to `None`, which draws a seed;
            `keras.utils.set_random_seed` makes the draw repeatable.

    Attributes:
        seed: The seed, given or drawn.

    Raises:
        ValueError: If the initializer is unknown or the seed is out of range.

    Example:

    >>> initializers = keras_recur.zoo.SeededInitializers(seed=0)
    >>> layer = keras.layers.Dense(8, **initializers(fan_in=4))
    """

    def __init__(self, initializer: str = "torch_default", seed: int | None = None):
        self.initializer = check_string("initializer", initializer)
        seed = check_seed(seed)
        self.seed = random.randrange(2**31) if seed is None else seed
        self._next = random.Random(self.seed)
        if initializer != "torch_default":
            check_keras("initializer", initializer, keras.initializers.get)

    def __call__(self, fan_in: int, bias: bool = True) -> dict[str, Any]:
        """Return keyword arguments for a layer.

        Args:
            fan_in: Number of inputs that each output sums.
            bias: Whether to initialize the bias too. Defaults to `True`.

        Returns:
            Dictionary with `kernel_initializer` and, for `"torch_default"` with `bias`,
            `bias_initializer`.
        """
        if self.initializer != "torch_default":
            kernel = keras.initializers.get(self.initializer)
            config = {**kernel.get_config(), "seed": self.draw_seed()}
            if "seed" not in kernel.get_config():
                config.pop("seed")
            return {"kernel_initializer": type(kernel).from_config(config)}
        check_memory("A kernel", 4 * fan_in, f"a layer of {fan_in} inputs")
        limit = fan_in**-0.5
        found = {
            name: keras.initializers.RandomUniform(-limit, limit, self.draw_seed())
            for name in ("kernel_initializer", "bias_initializer")
        }
        if not bias:
            del found["bias_initializer"]
        return found

    def draw_seed(self) -> int:
        """Return the next seed, for a layer that draws random numbers."""
        return self._next.randrange(2**31)

    def kernel_initializer(self) -> Any:
        """Return the initializer for a layer that seeds its kernels itself."""
        if self.initializer == "torch_default":
            return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        return self.initializer

    def bank(
        self, templates: int | str, recurrence_penalty: float = 0.0
    ) -> TemplateBank:
        """Return a template bank, as a value of `sharing`.

        Args:
            templates: Number of templates, or `"layers"` for one per layer.
            recurrence_penalty: Strength of the `RecurrenceRegularizer`. Defaults to
                `0.0`.
        """
        regularizer = None
        if recurrence_penalty:
            regularizer = RecurrenceRegularizer(recurrence_penalty)
        return TemplateBank(
            None if templates == "layers" else int(templates),
            templates_initializer=self.kernel_initializer(),
            coefficients_regularizer=regularizer,
            seed=self.draw_seed(),
            name="bank",
        )
