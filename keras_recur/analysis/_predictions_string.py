"""Picture of the answers to one string, with one row per iteration."""

from typing import Any

import numpy as np

from keras_recur.analysis._predictions import RIGHT, WRONG, Predictions, frame

_PALE = np.array((0.87, 0.92, 0.97))


class StringPredictions(Predictions):
    """One string and its answers over the iterations."""

    def strip(self) -> Any:
        return self.frames()[0]

    def frames(self):
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        rows, length = self.answers.shape
        height = 0.1 * min(max(rows, 12), 50)
        ratios = [1.0, height / 0.17, *([] if self.y is None else [1.0])]
        figure = Figure(figsize=(7.2, 1.6 + height), layout="constrained")
        panels = list(figure.subplots(len(ratios), 1, height_ratios=ratios))
        side = [("input", self._input(), panels[0])]
        if self.y is not None:
            side.append(("target", self._cells(self.y[None]), panels[2]))
        edges = (0.5, length + 0.5)
        for name, cells, axes in side:
            axes.imshow(cells, aspect="auto", extent=(*edges, 0, 1))
            axes.set_yticks([0.5], [name], fontsize=9)
            frame(axes, "0.7", 0.5, ticks=True)
        axes, cells = panels[1], self._cells(self.answers, self.y)
        # One row per iteration; iterations without a readout are blank.
        last = int(self.numbers[-1])
        every = np.ones((last, length, 3))
        every[self.numbers - 1] = cells
        extent = (*edges, last + 0.5, 0.5)
        image = axes.imshow(
            every, aspect="auto", extent=extent, interpolation="nearest"
        )
        axes.set_ylabel("iteration")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        frame(axes, "0.7", 0.5, ticks=True)
        self._mark_trained(axes, last)
        for axes in panels[:-1]:
            axes.set_xticks([])
        bottom = panels[-1]
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
        bottom.set_xlabel("position in the string")
        title = panels[0].set_title(" ", loc="left", fontsize=11)
        shades = [(_PALE, "answer 0"), (RIGHT, f"answer {self._most()}")]
        if self.y is not None:
            shades.append((WRONG, "wrong"))
        self.legend(figure, shades)

        def show(i):
            shown = every.copy()
            shown[self.numbers[i] :] = 1
            image.set_data(shown)
            title.set_text(f"{self.counted(i)}: {self.state(i)}")

        title.set_text(f"after iteration {last}: {self.state(len(self.numbers) - 1)}")
        return figure, show

    def _input(self):
        """Return the string in gray; larger values are darker."""
        values = np.asarray(self.x, float).reshape(len(self.x), -1).mean(axis=-1)
        gray = 0.93 - 0.68 * (values - values.min()) / max(np.ptp(values), 1e-9)
        return np.repeat(gray[None, :, None], 3, axis=2)

    def _cells(self, answers, target=None):
        """Return colors: larger classes are darker, and wrong answers are orange."""
        most = self._most()
        share = np.clip(answers, 0, most)[..., None] / most
        cells = _PALE + share * (np.array(RIGHT) - _PALE)
        if target is not None:
            cells[(answers != target) & (target >= 0)] = WRONG
            cells[np.broadcast_to(target < 0, answers.shape)] = 1
        return cells

    def _most(self):
        """Return the largest class, at least 1."""
        most = max(1, int(self.answers.max()))
        return most if self.y is None else max(most, int(self.y.max()))

    def _mark_trained(self, axes, last):
        place = {"transform": axes.get_yaxis_transform(), "fontsize": 9}
        common = {"color": "0.3", "clip_on": False}
        end = min(self.trained, last) + 0.5
        axes.text(1.01, end, "trained ↑", va="bottom", **place, **common)
        if self.trained < last:
            axes.axhline(end, color="0.1", lw=1.2, ls="--")
            axes.text(1.01, end, "beyond ↓", va="top", **place, **common)
