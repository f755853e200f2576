"""Pictures of one network at work: what it answers after each iteration."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import new_figure, save
from keras_recur.analysis.plot_predictions import plot_predictions
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.runs.entry import Entry
from keras_recur.runs.scoring import can_go_on

LARGEST_ANIMATION = 1_000_000  # bytes; where it is larger, the strip is shown instead

_AVERAGE = (
    "Where the recurrent network is wrong on strings of {size} bits, after each "
    "iteration from top to bottom: the darker, the more test strings have a wrong "
    "answer at this position. What is right spreads along the string."
)
_UNFOLDING = {
    "prefix_sums": (
        "One test string of {size} bits, and what the recurrent network answers for "
        "every bit after each iteration."
    ),
    "mazes": (
        "One test maze of size {size}, and the path that the recurrent network marks "
        "after each iteration."
    ),
    "shortest_paths": (
        "One test grid of size {size}, and the cells on shortest paths that the "
        "recurrent network marks after each iteration."
    ),
}


def draw_thinking(entry: Entry, model: Any, folder: Path) -> list[tuple[str, str]]:
    """Draws a network solving examples larger than those it was trained on.

    Args:
        entry: The entry.
        model: Its trained recurrent network.
        folder: Where `unfolding.png`, `unfolding.gif` and, of strings,
            `thinking.png` go.

    Returns:
        `(file name, caption)` of each that is to be shown: of one example the
        animation, or the strip where the animation is large. None for data that have
        no such picture.
    """
    if entry.data not in _UNFOLDING:
        return []
    size = entry.test_sizes[-1]
    trained = entry.model["iterations"]
    goes_on = can_go_on(model, "recurrent")
    iterations = entry.test_iterations if goes_on else trained
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
    side = size[0] if isinstance(size, tuple) else size
    caption = _UNFOLDING[entry.data].format(size=side)
    return [*pictures, ("unfolding.gif" if small else "unfolding.png", caption)]


def _wrong(y, answers):
    wrong = 100 * (answers != y[:, None]).mean(axis=0)
    figure, (axes,) = new_figure(size=(7.2, 3.6), grid=False)
    extent = (0.5, wrong.shape[1] + 0.5, wrong.shape[0] + 0.5, 0.5)
    image = axes.imshow(
        wrong, cmap="Blues", aspect="auto", interpolation="nearest", extent=extent
    )
    figure.colorbar(image, label="strings that are wrong here (%)")
    axes.set_xlabel("position in the string")
    axes.set_ylabel("iteration")
    axes.set_title(f"{len(y)} test strings", loc="left", fontsize=11)
    return figure
