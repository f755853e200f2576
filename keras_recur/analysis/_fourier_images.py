"""Images as trainable sums of waves."""

from typing import Any

import keras
import numpy as np
from keras import ops


class FourierImages(keras.layers.Layer):
    """Images whose weights are coefficients of waves, in front of a frozen network.

    Weights of orthonormal waves are independent, so that training does not prefer
    single pixels. Shifted waves shift the images.

    Args:
        coefficients: First weights, of shape `(images, height, width, colors)`.
        limits: Smallest and largest value of a pixel, one or one per color.
        decay: Exponent with which waves become weaker with their frequency.

    Call arguments:
        inputs: Two arrays of `bases`, one row per copy.

    Output shape:
        `(copies * images, height, width, colors)`.
    """

    def __init__(self, coefficients: np.ndarray, limits: tuple[Any, Any], decay):
        super().__init__(dtype="float32")
        _, height, width, _ = coefficients.shape
        self.sides = height, width
        self._limits = [np.asarray(limit, "float32") for limit in limits]
        self._scale = _scale(self.sides, decay)
        self._first = coefficients
        self.build()

    def build(self, input_shape: Any = None):
        del input_shape
        self.coefficients = self.add_weight(
            shape=self._first.shape, initializer="zeros", name="coefficients"
        )
        self.coefficients.assign(self._first)
        self.built = True

    def bases(self, shifts: np.ndarray) -> list[np.ndarray]:
        """Return the waves of rows and columns, shifted by pairs of pixels."""
        return [
            np.stack([_waves(size, by) for by in column]).astype("float32")
            for size, column in zip(self.sides, np.transpose(shifts), strict=True)
        ]

    def call(self, inputs):
        rows, columns = inputs
        waves = self.coefficients * ops.convert_to_tensor(self._scale)
        found = ops.einsum("ahk,nklc,awl->anhwc", rows, waves, columns)
        low, high = map(ops.convert_to_tensor, self._limits)
        found = low + (high - low) * ops.sigmoid(found)
        return ops.reshape(found, (-1, *found.shape[2:]))

    def compute_output_shape(self, input_shape):
        del input_shape
        return (None, *self._first.shape[1:])

    def images(self) -> np.ndarray:
        """Return the images without a shift."""
        bases = [ops.convert_to_tensor(b) for b in self.bases(np.zeros((1, 2)))]
        return ops.convert_to_numpy(self(bases))


def coefficients_of(
    images: np.ndarray, limits: tuple[Any, Any], decay: float
) -> np.ndarray:
    """Return the coefficients that give images, almost: no pixel is at a limit."""
    low, high = limits
    inside = np.clip((images - low) / np.maximum(high - low, 1e-30), 0.02, 0.98)
    rows, columns = (_waves(size, 0) for size in images.shape[1:3])
    found = np.einsum("hk,nhwc,wl->nklc", rows, np.log(inside / (1 - inside)), columns)
    return found / _scale(images.shape[1:3], decay)


def _scale(sides, decay):
    """Return the factor of each wave, of shape `(height, width, 1)`."""
    frequency = np.hypot(*np.meshgrid(*map(_frequencies, sides), indexing="ij"))
    scale = np.maximum(frequency, 1 / max(sides)) ** -decay
    scale /= np.sqrt((scale**2).mean())
    return scale[..., None].astype("float32")


def _frequencies(size):
    """Return the frequency of each wave in cycles per pixel."""
    return np.arange(1, size + 1) // 2 / size


def _waves(size, shift):
    """Return an orthonormal matrix with a wave in each column."""
    place = np.arange(size)[:, None] - shift
    number = np.arange(size)
    angle = 2 * np.pi * ((number + 1) // 2) * place / size
    waves = np.where(number % 2, np.cos(angle), np.sin(angle)) * np.sqrt(2 / size)
    waves[:, 0] = np.sqrt(1 / size)
    if size % 2 == 0:  # The fastest wave has no sine, and is longer than the others.
        waves[:, -1] = np.cos(np.pi * place[:, 0]) / np.sqrt(size)
    return waves
