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
        if self.pad or self.flip:
            x = self._crop_and_flip(x, rng)
        x = self._normalize(x)
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

    def _crop_and_flip(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        batch, height, width = x.shape[:3]
        top = left = np.zeros(batch, dtype=int)
        if self.pad:
            top, left = rng.integers(2 * self.pad + 1, size=(2, batch))
        flipped = rng.random(batch) < 0.5 if self.flip else np.zeros(batch, bool)
        inside = slice(self.pad, self.pad + height), slice(self.pad, self.pad + width)
        shape = height + 2 * self.pad, width + 2 * self.pad
        padded = np.zeros((batch, *shape, *x.shape[3:]), x.dtype)
        padded[:, *inside] = x
        moved = np.empty_like(x)
        # Slices copy whole rows, so a loop is faster than one index for all pixels.
        places = zip(top.tolist(), left.tolist(), flipped.tolist(), strict=True)
        for i, (row, column, flip) in enumerate(places):
            crop = padded[i, row : row + height, column : column + width]
            moved[i] = crop[:, ::-1] if flip else crop
        return moved

    def _normalize(self, x: np.ndarray) -> np.ndarray:
        # NumPy is fast if the last axis is long, so it holds a row of pixels.
        width, channels = x.shape[2:]
        rows = x.reshape(*x.shape[:2], width * channels).astype("float32")
        rows *= 1.0 / np.float32(self.white)
        rows -= np.resize(np.array(self.mean, dtype="float32"), width * channels)
        rows /= np.resize(np.array(self.std, dtype="float32"), width * channels)
        return rows.reshape(x.shape)
