"""A picture of one network at work: what it answers after each iteration."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur.runs.entry import Entry
from keras_recur.training.checkpoint import replacing
from keras_recur.zoo.with_iterations import with_iterations

CAPTION = {
    "prefix_sums": (
        "Where the recurrent network is wrong on strings of {size} bits, after each "
        "iteration from top to bottom: the darker, the more test strings have a wrong "
        "answer at this position. What is right spreads along the string."
    ),
    "mazes": (
        "One test maze of size {size}, and the path that the recurrent network marks "
        "after some iterations. Right: the solution."
    ),
}


def draw_thinking(entry: Entry, model: Any, folder: Path) -> tuple[str, str] | None:
    """Draws a network solving an example larger than those it was trained on.

    Args:
        entry: The entry.
        model: Its trained recurrent network.
        folder: Where `thinking.png` goes.

    Returns:
        `(file name, caption)`, or `None` for data that have no such picture.
    """
    if entry.data not in CAPTION:
        return None
    size, iterations = entry.test_sizes[-1], entry.test_iterations
    x, y = entry.test_data(size)[0]
    every = with_iterations(model, iterations, readout="all", unroll=False)
    answers = np.argmax(every.predict_on_batch(x), axis=-1)
    draw = _strings if entry.data == "prefix_sums" else _mazes
    figure = draw(x, y, answers)
    with replacing(folder / "thinking.png") as file:
        figure.savefig(file, format="png", dpi=130)
    return "thinking.png", CAPTION[entry.data].format(size=size)


def _strings(x, y, answers):
    from matplotlib.figure import Figure

    wrong = 100 * (answers != y[:, None]).mean(axis=0)
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    extent = (0.5, wrong.shape[1] + 0.5, wrong.shape[0] + 0.5, 0.5)
    image = axes.imshow(
        wrong, cmap="Blues", aspect="auto", interpolation="nearest", extent=extent
    )
    figure.colorbar(image, label="strings that are wrong here (%)")
    axes.set_xlabel("position in the string")
    axes.set_ylabel("iteration")
    axes.set_title(f"{len(y)} test strings", loc="left", fontsize=11)
    return figure


def _mazes(x, y, answers):
    from matplotlib.figure import Figure

    x, y, answers = x[0], y[0], answers[0]
    steps = np.unique(np.linspace(1, len(answers), 5).round().astype(int))
    figure = Figure(figsize=(1.9 * (len(steps) + 1), 2.2), layout="constrained")
    panels = figure.subplots(1, len(steps) + 1)
    named = [(f"iteration {s}", answers[s - 1]) for s in steps] + [("solution", y)]
    for axes, (title, path) in zip(panels, named, strict=True):
        image = 0.25 + 0.75 * x
        image[(path == 1) & (y >= 0) & (x.min(axis=-1) == 1)] = (0.12, 0.44, 0.7)
        axes.imshow(image, interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    return figure
