"""The interface of a task: how a person makes an input, and how answers look."""

from typing import Any

import numpy as np


class Task:
    """A data set whose inputs a person can make by hand.

    A value is the array that a person edits. Methods raise a `ValueError` for a value
    without a clear answer; the page shows its message.

    Attributes:
        data: Name of the data set.
        title: Title of the tab.
        hint: What to do, in one sentence.
        editor: `"text"`, `"clicks"` on the board, or `"strokes"` on a canvas.
        sizes: Smallest and largest size, default and step, or `None` for one size.
        reduction: Reduction of confidence over the positions, as in `StopRule`.
        outputs: Plural of what the network answers, such as "bits".
    """

    data: str
    title: str
    hint: str
    editor: str = "clicks"
    sizes: tuple[int, int, int, int] | None = None
    reduction: str = "min"
    outputs: str

    def example(self, size: int, seed: int) -> np.ndarray:
        """Return a test example."""
        raise NotImplementedError

    def parse(self, text: str) -> np.ndarray:
        """Return the value that a text describes."""
        raise NotImplementedError

    def text(self, value: np.ndarray) -> str:
        """Return a value as text that `parse` reads."""
        raise NotImplementedError

    def click(self, value: np.ndarray, x: float, y: float) -> np.ndarray:
        """Return the value after a click on the board, at fractions of its sides."""
        raise NotImplementedError

    def strokes(self, ink: np.ndarray) -> np.ndarray:
        """Return the value of a drawing, whose ink is from 0 to 1."""
        raise NotImplementedError

    def encode(self, value: np.ndarray) -> np.ndarray:
        """Return the batch of one example that a network receives."""
        raise NotImplementedError

    def answer(self, value: np.ndarray) -> np.ndarray | None:
        """Return the right answer, with -1 where none is scored, or `None`."""
        raise NotImplementedError

    def board(self, value: np.ndarray) -> np.ndarray:
        """Return the picture of a value, `uint8` RGB."""
        raise NotImplementedError

    def picture(
        self,
        value: np.ndarray,
        likely: np.ndarray,
        t: int,
        answer: np.ndarray | None,
    ) -> np.ndarray:
        """Return the picture of the answer after iteration `t`, counted from 0.

        `likely` has the probabilities after each iteration, `(iterations, ...,
        classes)`. With an `answer`, the picture marks errors.
        """
        raise NotImplementedError

    def verdict(self, guess: np.ndarray, answer: np.ndarray | None) -> str:
        """Return in words how good the predicted classes are."""
        if answer is None:
            return ""
        scored = answer >= 0
        right = int((guess == answer)[scored].sum())
        total = int(scored.sum())
        solved = " (solved)" if right == total else ""
        return f"{right} of {total} {self.outputs} right{solved}"


def check_value_size(name: str, size: int, sizes: Any, unit: str) -> None:
    """Refuse a value that is too small or too large for the page."""
    smallest, largest = sizes[:2]
    if not smallest <= size <= largest:
        raise ValueError(
            f"{name} must have {smallest} to {largest} {unit} on this page. Received: "
            f"{size}."
        )
