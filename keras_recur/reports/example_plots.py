"""Pictures of the answers of one network after each iteration."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import new_figure, save
from keras_recur.analysis.plot_predictions import plot_predictions
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.runs.entry import Entry
from keras_recur.runs.scoring import is_endless
from keras_recur.runs.summary import side

LARGEST_ANIMATION = 1_000_000  # Bytes. The PNG file replaces larger ones.

_AVERAGE = (
    "Share of test strings of {size} bits with a wrong answer at each position, after "
    "each iteration of the recurrent network."
)
_UNFOLDING = {
    "prefix_sums": (
        "The answers of the recurrent network for one test string of {size} bits, "
        "after each iteration."
    ),
    "mazes": (
        "The path that the recurrent network marks in one test maze of size {size}, "
        "after each iteration."
    ),
    "shortest_paths": (
        "The cells on shortest paths that the recurrent network marks in one test grid "
        "of size {size}, after each iteration."
    ),
}


def draw_thinking(entry: Entry, model: Any, folder: Path) -> list[tuple[str, str]]:
    """Draw answers on the largest examples; return `(file name, caption)` pairs."""
    if entry.data not in _UNFOLDING:
        return []
    size = entry.test_sizes[-1]
    trained = entry.model["iterations"]
    endless = is_endless(model, "recurrent")
    iterations = entry.test_iterations if endless else trained
    x, y = entry.test_data(size)[0]
    pictures = []
    if entry.data == "prefix_sums":
        every = with_iterations(model, iterations, readout="all", unroll=False)
        answers = np.argmax(every.predict_on_batch(x), axis=-1)
        save(_wrong(y, answers), folder / "thinking.png")
        pictures.append(("thinking.png", _AVERAGE.format(size=size)))
    for name in ("unfolding.png", "unfolding.gif"):
        plot_predictions(model, x[0], y[0], iterations, trained, folder / name)
    small = (folder / "unfolding.gif").stat().st_size <= LARGEST_ANIMATION
    caption = _UNFOLDING[entry.data].format(size=side(size))
    return [*pictures, ("unfolding.gif" if small else "unfolding.png", caption)]


def _wrong(y, answers):
    wrong = 100 * (answers != y[:, None]).mean(axis=0)
    figure, (axes,) = new_figure(size=(7.2, 3.6), grid=False)
    extent = (0.5, wrong.shape[1] + 0.5, wrong.shape[0] + 0.5, 0.5)
    image = axes.imshow(
        wrong, cmap="Blues", aspect="auto", interpolation="nearest", extent=extent
    )
    figure.colorbar(image, label="wrong answers (%)")
    axes.set_xlabel("position in the string")
    axes.set_ylabel("iteration")
    title = f"Wrong answers by position and iteration, {len(y)} test strings"
    axes.set_title(title, loc="left", fontsize=10)
    return figure
