"""Digits drawn by hand, reduced to 8 x 8 pixels."""

import functools

import numpy as np

from keras_recur.data.preprocessing import preprocessing
from keras_recur.data.sets.digits import digits
from keras_recur.playground.tasks import _pictures as draw
from keras_recur.playground.tasks.task import Task

_SIDE, _WHITE, _BITMAP = 8, 16, 32
_WIDTH, _HEIGHT, _BAR = 480, 320, 24


class Digit(Task):
    """A drawn digit.

    The data set was made from bitmaps of 32 x 32 pixels that the digit fills. Each of
    the 8 x 8 pixels counts the black ones among 4 x 4. A drawing is treated likewise.
    """

    data = "digits"
    title = "Digit"
    hint = "Choose the brush and draw a digit. The network names it."
    editor = "strokes"
    outputs = "digits"

    def example(self, size: int, seed: int) -> np.ndarray:
        del size
        images, _ = digits("test")
        return images[seed % len(images), ..., 0]

    def parse(self, text: str) -> np.ndarray:
        rows = [line.split() for line in text.strip().splitlines() if line.strip()]
        if len(rows) != _SIDE or any(len(row) != _SIDE for row in rows):
            raise ValueError(
                f"A digit must have {_SIDE} lines of {_SIDE} numbers. Received: "
                f"{len(rows)} lines, with {sorted({len(r) for r in rows})} numbers."
            )
        for word in (word for row in rows for word in row):
            if not (word.isascii() and word.isdigit() and int(word) <= _WHITE):
                raise ValueError(
                    f"A pixel must be an integer from 0 to {_WHITE}. Received: "
                    f"{word[:20]!r}."
                )
        return np.array(rows, "uint8")

    def text(self, value: np.ndarray) -> str:
        return "\n".join(" ".join(f"{v:2d}" for v in row) for row in value)

    def strokes(self, ink: np.ndarray) -> np.ndarray:
        ink = np.asarray(ink) > 0.5
        if not ink.any():
            return np.zeros((_SIDE, _SIDE), "uint8")
        rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
        ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        # The longer side fills the bitmap; the other is centered.
        height, width = (max(1, s * _BITMAP // max(ink.shape)) for s in ink.shape)
        bitmap = np.zeros((_BITMAP, _BITMAP))
        top, left = (_BITMAP - height) // 2, (_BITMAP - width) // 2
        y = np.arange(height) * ink.shape[0] // height
        x = np.arange(width) * ink.shape[1] // width
        bitmap[top : top + height, left : left + width] = ink[np.ix_(y, x)]
        part = _BITMAP // _SIDE
        counts = bitmap.reshape(_SIDE, part, _SIDE, part).sum((1, 3))
        return counts.astype("uint8")

    def encode(self, value: np.ndarray) -> np.ndarray:
        if not value.any():
            raise ValueError("The canvas is empty. Draw a digit, then think.")
        layer = preprocessing(self.data)
        x = value[None, ..., None].astype("float32")
        return x * np.float32(layer.scale) + np.float32(layer.offset)

    def answer(self, value: np.ndarray) -> np.ndarray | None:
        label = _labels().get(value.astype("uint8").tobytes())
        return None if label is None else np.array(label, "int32")

    def board(self, value: np.ndarray) -> np.ndarray:
        return draw.enlarged(draw.shaded(value / _WHITE, draw.INK), 240)

    def picture(self, value, likely, t, answer):
        image, pen = draw.canvas(_WIDTH, _HEIGHT)
        best = int(likely[t].argmax())
        for digit, share in enumerate(likely[t].astype(float)):
            top = 8 + digit * (_BAR + 7)
            color = draw.PALE
            if digit == best:
                right = answer is None or digit == int(answer)
                color = draw.BLUE if right else draw.ORANGE
            draw.write(pen, (6, top + 3), str(digit), 18)
            end = 34 + round(330 * share)
            pen.rectangle((34, top, max(end, 35), top + _BAR), fill=color)
            note = f"{100 * share:.1f} %"
            if answer is not None and digit == int(answer):
                note += "  label"
            draw.write(pen, (end + 8, top + 5), note, 14)
        return np.asarray(image)

    def verdict(self, guess: np.ndarray, answer: np.ndarray | None) -> str:
        said = f"answer: {int(guess)}"
        if answer is None:
            return said
        return f"{said}, label: {int(answer)}"


@functools.cache
def _labels():
    """Return the labels of the test images by their bytes."""
    images, labels = digits("test")
    return {
        image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)
    }
