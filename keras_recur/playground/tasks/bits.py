"""Strings of bits and their prefix sums."""

import numpy as np

from keras_recur.data.sets.prefix_sums import prefix_sums
from keras_recur.playground.tasks import _pictures as draw
from keras_recur.playground.tasks.task import Task, check_value_size

_MARGIN = 64
_ROW, _GAP, _HISTORY = 26, 8, 200
_MOST_DIGITS = 40  # Bits whose cells have room for a digit.


class Bits(Task):
    """A typed string of zeros and ones."""

    data = "prefix_sums"
    title = "Bits"
    hint = (
        "Type zeros and ones. The network answers at each bit whether the ones up to "
        "it are odd in number."
    )
    editor = "text"
    sizes = (1, 512, 32, 1)
    outputs = "bits"

    def example(self, size: int, seed: int) -> np.ndarray:
        check_value_size("The string", size, self.sizes, "bits")
        # Short strings exist in the training split alone.
        split = "test" if size >= 8 else "train"
        return (prefix_sums(1, size, split, seed)[0][0, :, 0] > 0).astype("uint8")

    def parse(self, text: str) -> np.ndarray:
        bits = "".join(text.split())
        check_value_size("The string", len(bits), self.sizes, "bits")
        for place, character in enumerate(bits, 1):
            if character not in "01":
                raise ValueError(
                    f"Type zeros and ones only. Received: {character!r} at position "
                    f"{place}."
                )
        return np.array(list(bits), "uint8")

    def text(self, value: np.ndarray) -> str:
        return "".join(map(str, value))

    def encode(self, value: np.ndarray) -> np.ndarray:
        return value[None, :, None].astype("float32") - np.float32(0.5)

    def answer(self, value: np.ndarray) -> np.ndarray:
        return np.bitwise_xor.accumulate(value).astype("int32")

    def board(self, value: np.ndarray) -> np.ndarray:
        image, pen = draw.canvas(*self._size(len(value), 0))
        self._row(image, pen, 0, "input", value, [draw.GRAY, draw.INK])
        return np.asarray(image)

    def picture(self, value, likely, t, answer):
        guesses = likely.argmax(-1)
        rows = 2 if answer is None else 3
        width, height = self._size(len(value), rows)
        image, pen = draw.canvas(width, height)
        self._row(image, pen, 0, "input", value, [draw.GRAY, draw.INK])
        top = _ROW + _GAP
        history = np.full((len(likely), len(value), 3), 244, "uint8")
        history[: t + 1] = draw.shaded(0.12 + 0.88 * likely[: t + 1, :, 1])
        if answer is not None:
            history[: t + 1][guesses[: t + 1] != answer] = draw.ORANGE
        cell = self._cell(len(value))
        place = (np.arange(_HISTORY) * len(likely)) // _HISTORY
        tall = history[place].repeat(cell, axis=1)
        image.paste(_as_image(tall), (_MARGIN, top))
        draw.write(pen, (0, top + _HISTORY // 2 - 18), "after\neach\niteration", 12)
        top += _HISTORY + _GAP
        shades = [draw.PALE, draw.BLUE]
        self._row(image, pen, top, "answer", guesses[t], shades, answer)
        if answer is not None:
            self._row(image, pen, top + _ROW + _GAP, "target", answer, shades)
        return np.asarray(image)

    def _size(self, length, rows):
        width = _MARGIN + length * self._cell(length)
        if not rows:
            return width, _ROW
        return width, _HISTORY + _GAP + rows * (_ROW + _GAP) - _GAP

    @staticmethod
    def _cell(length):
        return int(np.clip(860 // length, 2, 34))

    def _row(self, image, pen, top, name, values, shades, answer=None):
        draw.write(pen, (0, top + 6), name, 14)
        cell = self._cell(len(values))
        colors = np.array(shades, "uint8")[values]
        if answer is not None:
            colors[values != answer] = draw.ORANGE
        wide = np.broadcast_to(colors, (_ROW, *colors.shape)).repeat(cell, axis=1)
        image.paste(_as_image(wide), (_MARGIN, top))
        if len(values) <= _MOST_DIGITS:
            for i, value in enumerate(values):
                middle = (_MARGIN + (i + 0.5) * cell, top + _ROW / 2)
                dark = int(colors[i].sum()) < 480
                fill = draw.FREE if dark else draw.INK
                draw.write(pen, middle, str(value), 13, anchor="mm", fill=fill)


def _as_image(array):
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(array, "uint8"))
