"""A random number of iterations, with gradient in the last of them."""

import dataclasses
from typing import Any

import keras

from keras_recur._validation import check_number, check_positive_int


@keras.saving.register_keras_serializable(package="keras_recur")
@dataclasses.dataclass(frozen=True)
class Depth:
    """Draw the iterations of a progressive call from a log-normal Poisson distribution.

    Each training step draws a rate from a log-normal distribution with this mean, and
    1 plus a Poisson number with this rate as the number of iterations. It is at most
    the number of iterations of the call: larger draws run all of them. Only the last
    `gradient` iterations have gradient, so the backward pass has a fixed cost.

    Args:
        mean: Mean of the rate, at most the number of iterations of the call. The mean
            number of iterations is 1 more, or less if large draws are cut off.
        spread: Standard deviation of the logarithm of the rate, 0 or more. With `0`
            every rate is `mean`. Defaults to `0.5`.
        gradient: Largest number of iterations with gradient. Defaults to `8`.

    Raises:
        ValueError: If an argument is invalid.

    Reference:
        [Geiping et al. 2025](https://arxiv.org/abs/2502.05171), section 3.3.

    Example:

    >>> depth = keras_recur.layers.Depth(mean=8, gradient=4)
    >>> block = keras.layers.Dense(3)
    >>> loop = keras_recur.layers.SharedRecurrentBlock(block, iterations=20)
    >>> loop(np.ones((2, 3)), progressive=depth, training=True).shape
    (2, 3)
    """

    mean: float
    spread: float = 0.5
    gradient: int = 8

    def __post_init__(self):
        checked: dict[str, Any] = {
            "mean": check_number("mean", self.mean, above=0),
            "spread": check_number("spread", self.spread, 0),
            "gradient": check_positive_int("gradient", self.gradient),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for files of Keras."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Depth":
        """Return the sampler with these arguments."""
        return cls(**config)
