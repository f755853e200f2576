"""Normalize and augment batches of images."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ImageTransform:
    """Augment images of integers, then normalize them. Sizes are in pixels."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    pad: int = 0
    flip: bool = False
    cutout: int = 0
    white: int = 255

    def __call__(
        self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.pad:
            x = self._crop(x, rng)
        if self.flip:
            flipped = rng.random(len(x)) < 0.5
            x = np.where(flipped[:, None, None, None], x[:, :, ::-1], x)
        scale = 1.0 / np.float32(self.white)
        mean = np.array(self.mean, dtype="float32")
        std = np.array(self.std, dtype="float32")
        x = (x.astype("float32") * scale - mean) / std
        return (self._cut_out(x, rng) if self.cutout else x), y

    def _cut_out(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        batch, height, width = x.shape[:3]
        # Centers are uniform over the pixels, so borders may cut squares off.
        row, column = rng.integers(height, size=batch), rng.integers(width, size=batch)

        def within(size: int, center: np.ndarray) -> np.ndarray:
            offset = np.arange(size) - center[:, None] + self.cutout // 2
            return (offset >= 0) & (offset < self.cutout)

        hole = within(height, row)[:, :, None] & within(width, column)[:, None, :]
        return np.where(hole[..., None], np.float32(0.0), x)

    def _crop(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        batch, height, width = x.shape[:3]
        pad = (self.pad, self.pad)
        padded = np.pad(x, ((0, 0), pad, pad, (0, 0)))
        top, left = rng.integers(2 * self.pad + 1, size=(2, batch, 1))
        rows, columns = top + np.arange(height), left + np.arange(width)
        examples = np.arange(batch)[:, None, None]
        return padded[examples, rows[:, :, None], columns[:, None, :]]
