"""Picture of the positions that are marked in one image over the iterations."""

from typing import Any

import numpy as np

from keras_recur.analysis._predictions import RIGHT, WRONG, Predictions, frame

_MISSING = (0.68, 0.82, 0.93)
_PANELS = 6  # of a strip


class ImagePredictions(Predictions):
    """One image and its answers over the iterations."""

    def strip(self) -> Any:
        from matplotlib.figure import Figure

        chosen = self._chosen()
        count = len(chosen) + (self.y is not None)
        figure = Figure(figsize=(1.75 * count, 2.5), layout="constrained")
        panels = list(figure.subplots(1, count, squeeze=False)[0])
        for axes, i in zip(panels, chosen, strict=False):
            trained = self.numbers[i] <= self.trained
            axes.imshow(self._picture(i), interpolation="nearest")
            axes.set_title(f"iteration {self.numbers[i]}", fontsize=9)
            axes.set_xlabel(self.state(int(i)), fontsize=8)
            frame(axes, RIGHT if trained else "0.6", 2.5 if trained else 1.0)
        if self.y is not None:
            axes = panels[-1]
            axes.imshow(self._solution(), interpolation="nearest")
            axes.set_title("solution", fontsize=9)
            frame(axes, "0.6", 0.5)
        self.legend(figure, self._image_legend())
        return figure

    def _chosen(self):
        """Return readouts to draw, with the first, the last trained, and the last."""
        last = len(self.numbers) - 1
        within = int((self.numbers <= self.trained).sum()) - 1
        if last < _PANELS:
            return np.arange(last + 1)
        if not 0 <= within < last:
            return np.linspace(0, last, _PANELS).round().astype(int)
        half = min(_PANELS // 2, within + 1)
        first = np.linspace(0, within, half).round().astype(int)
        rest = np.linspace(within, last, _PANELS - half + 1).round().astype(int)
        return np.unique([*first, *rest])

    def frames(self):
        from matplotlib.figure import Figure

        count = 1 + (self.y is not None)
        figure = Figure(figsize=(3.3 * count, 4.0), layout="constrained")
        panels = list(figure.subplots(1, count, squeeze=False)[0])
        if self.y is not None:
            panels[1].imshow(self._solution(), interpolation="nearest")
            panels[1].set_title("solution", fontsize=11)
            panels[1].set_xlabel(" ", fontsize=10)
            frame(panels[1], "0.6", 0.5)
        image = panels[0].imshow(self._picture(0), interpolation="nearest")
        self.legend(figure, self._image_legend())

        def show(i):
            trained = self.numbers[i] <= self.trained
            image.set_data(self._picture(i))
            panels[0].set_title(self.counted(i), fontsize=11)
            panels[0].set_xlabel(self.state(i), fontsize=10)
            frame(panels[0], RIGHT if trained else "0.6", 3.0 if trained else 1.5)

        return figure, show

    def _picture(self, i):
        image, free = _backdrop(self.x)
        marked = (self.answers[i] > 0) & free
        image[marked] = RIGHT
        if self.y is not None:
            wanted, scored = (self.y > 0) & free, self.y >= 0
            image[marked & ~scored] = _backdrop(self.x)[0][marked & ~scored]
            image[marked & scored & ~wanted] = WRONG
            image[wanted & ~marked] = _MISSING
        return image

    def _solution(self):
        image, free = _backdrop(self.x)
        image[(np.asarray(self.y) > 0) & free] = RIGHT
        return image

    def _image_legend(self):
        if self.y is None:
            return [(RIGHT, "marked")]
        return [
            (RIGHT, "marked"),
            (WRONG, "marked wrongly"),
            (_MISSING, "missing"),
        ]


def _backdrop(x):
    """Return the example as a picture, and where answers may be drawn over it."""
    if x.shape[-1] == 3:
        x = np.clip(x, 0, 1)
        colored = np.ptp(x, axis=-1) > 0  # Start and end of a maze stay visible.
        return 0.25 + 0.75 * x, ~colored & (x.max(axis=-1) > 0)
    if x.shape[-1] == 2:  # Two points and obstacles.
        image = np.ones((*x.shape[:2], 3))
        image[x[..., 1] > 0.5] = 0.3
        image[x[..., 0] > 0.5] = (0.75, 0.1, 0.15)
        return image, x.max(axis=-1) <= 0.5
    gray = x.mean(axis=-1, keepdims=True)
    gray = 0.35 + 0.6 * (gray - gray.min()) / max(np.ptp(gray), 1e-9)
    return np.repeat(gray, 3, axis=-1), np.ones(x.shape[:2], bool)
