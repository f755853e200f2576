"""What both kinds of pictures behind `plot_predictions` have in common."""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RIGHT, WRONG = (0.12, 0.44, 0.70), (0.90, 0.49, 0.13)
_FRAMES = 60  # of an animation, at most
_PER_SECOND = 4


@dataclasses.dataclass(frozen=True)
class Unfolding:
    """One example, its answers after some iterations, and how many were trained."""

    x: np.ndarray
    y: np.ndarray | None
    answers: np.ndarray
    numbers: np.ndarray
    trained: int

    def strip(self) -> Any:
        """All of it side by side, or from top to bottom."""
        raise NotImplementedError

    def frames(self) -> tuple[Any, Callable[[int], None]]:
        """A figure, and what puts one of the iterations, from 0, into it."""
        raise NotImplementedError

    def animation(self) -> bytes:
        """A GIF with a frame per iteration; the last one stays for a while."""
        from matplotlib.animation import PillowWriter

        count = len(self.numbers)
        frames = np.unique(np.linspace(0, count - 1, min(count, _FRAMES)).astype(int))
        figure, show = self.frames()
        show(0)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # Once: it takes longer than a frame.
        writer = PillowWriter(fps=_PER_SECOND)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "unfolding.gif"
            with writer.saving(figure, str(file), dpi=80):
                for i in (*frames, *[frames[-1]] * 2 * _PER_SECOND):
                    show(i)
                    writer.grab_frame()
            return file.read_bytes()

    def state(self, i: int) -> str:
        """What is said of a picture: trained or not, and how much of it is wrong."""
        words = "trained" if self.numbers[i] <= self.trained else "beyond training"
        if self.y is None:
            return words
        wrong = int(((self.answers[i] != self.y) & (self.y >= 0)).sum())
        return f"{words}, {f'{wrong} wrong' if wrong else 'solved'}"

    def counted(self, i: int) -> str:
        """The title of one iteration."""
        return f"iteration {self.numbers[i]} of {self.numbers[-1]}"

    def legend(self, figure: Any, shades: list[Any]) -> None:
        """What the colours mean, below."""
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
    """A frame around a picture."""
    if not ticks:
        axes.set_xticks([])
        axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=width)
