"""Base class of the pictures of strings and images in `plot_predictions`."""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RIGHT, WRONG = (0.12, 0.44, 0.70), (0.90, 0.49, 0.13)
_MAX_FRAMES = 60  # of an animation
_FRAMES_PER_SECOND = 4


@dataclasses.dataclass(frozen=True)
class Predictions:
    """One example and its answers over the iterations."""

    x: np.ndarray
    y: np.ndarray | None
    answers: np.ndarray  # Predicted classes, `(readouts, ...)`.
    numbers: np.ndarray  # Iteration of each readout, from 1.
    trained: int

    def strip(self) -> Any:
        """Return a figure with all readouts."""
        raise NotImplementedError

    def frames(self) -> tuple[Any, Callable[[int], None]]:
        """Return a figure, and a function that draws readout `i`, from 0, into it."""
        raise NotImplementedError

    def animation(self) -> bytes:
        """Return a GIF with one frame per iteration; the last frame is held longer."""
        from matplotlib.animation import PillowWriter

        count = len(self.numbers)
        frames = np.unique(
            np.linspace(0, count - 1, min(count, _MAX_FRAMES)).astype(int)
        )
        figure, show = self.frames()
        show(0)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # The layout is slow and needed once.
        writer = PillowWriter(fps=_FRAMES_PER_SECOND)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "predictions.gif"
            with writer.saving(figure, str(file), dpi=80):
                for i in (*frames, *[frames[-1]] * 2 * _FRAMES_PER_SECOND):
                    show(i)
                    writer.grab_frame()
            return file.read_bytes()

    def state(self, i: int) -> str:
        """Return whether readout `i` was trained, and how many positions are wrong."""
        words = "trained" if self.numbers[i] <= self.trained else "beyond training"
        if self.y is None:
            return words
        wrong = int(((self.answers[i] != self.y) & (self.y >= 0)).sum())
        return f"{words}, {f'{wrong} wrong' if wrong else 'solved'}"

    def counted(self, i: int) -> str:
        """Return the title of readout `i`."""
        return f"iteration {self.numbers[i]} of {self.numbers[-1]}"

    def legend(self, figure: Any, shades: list[Any]) -> None:
        """Draw the meaning of the colors below the figure."""
        from matplotlib.patches import Patch

        patches = [Patch(fc=color, ec="0.6", label=name) for color, name in shades]
        figure.legend(
            handles=patches,
            loc="outside lower center",
            ncols=len(patches),
            fontsize=8,
            frameon=False,
        )


def frame(axes: Any, color: Any, width: float, ticks: bool = False) -> None:
    """Draw a frame around a picture."""
    if not ticks:
        axes.set_xticks([])
        axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=width)
