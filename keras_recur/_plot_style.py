"""What all plots of a run have in common: names, colours, axes, bands over seeds."""

from typing import Any

import numpy as np

from keras_recur import data as data_room
from keras_recur.runs.summary import counted, is_finished

COLORS = {
    "recurrent": "#1f6fb2",
    "feedforward": "#d1662b",
    "regularized": "#2a8f5a",
    "one average": "#b8467c",
}
LABELS = {
    "recurrent": "recurrent",
    "feedforward": "feed-forward twin",
    "regularized": "regularized recurrent",
    "one average": "recurrent, one average for all iterations",
}


def label(network: str) -> str:
    """A network's name, as tables and legends have it."""
    name, comma, stage = network.partition(",")
    return LABELS.get(name, name) + comma + stage


def style(network: str) -> dict[str, Any]:
    """Color and line of a network; folded ones are dashed."""
    name, _, stage = network.partition(", ")
    dashed = stage == "folded" or name == "feedforward"
    return {
        "color": COLORS.get(name, "#7a5195"),
        "linestyle": "--" if dashed else "-",
    }


def counted_runs(results: dict[str, Any], network: str) -> list[dict[str, Any]]:
    """The runs of a network, or of a stage of it; failed ones count as guessing."""
    return counted(results["entry"], results["runs"], network)


def drawn(results: dict[str, Any]) -> list[str]:
    """All networks; recalibrated ones, where there are such, in place of the others.

    Folded ones are recalibrated too: so all that is drawn was treated the same.
    """
    every = results["summary"]
    return [name for name in every if f"{name}, recalibrated" not in every]


def score(results: dict[str, Any]) -> str:
    """What the scores are called on an axis."""
    metric = data_room.describe(results["entry"]["data"]).metric
    return "F1" if metric == "f1" else "accuracy"


def figure(results: dict[str, Any], panels: int = 1) -> tuple[Any, list[Any]]:
    """A figure with axes of scores in percent, side by side."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(7.2 if panels == 1 else 9.6, 4.2), layout="constrained")
    every = list(made.subplots(1, panels, squeeze=False, sharey=True)[0])
    title = f"{results['name']}: {_seeds(results)}"
    if panels == 1:
        every[0].set_title(title, loc="left", fontsize=11)
    else:
        made.suptitle(title, x=0.01, ha="left", fontsize=11)
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(-2, 102)
        axes.grid(axis="y", alpha=0.25)
    every[0].set_ylabel(f"test {score(results)} (%)")
    return made, every


def band(axes: Any, x: Any, rows: Any, **line: Any) -> None:
    """The mean of rows, one per seed, with its standard error shaded."""
    rows = 100 * np.asarray(rows, dtype=float)  # None, no score, becomes NaN.
    mean = rows.mean(axis=0)
    axes.plot(x, mean, **line)
    if len(rows) > 1:
        error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
        axes.fill_between(
            x, mean - error, mean + error, color=line["color"], alpha=0.2, lw=0
        )


def shortest(rows: list[list[Any]]) -> list[list[Any]]:
    """Curves of one length: folded networks of some seeds may run further."""
    return [row[: min(map(len, rows))] for row in rows]


def _seeds(results):
    every = [counted_runs(results, name) for name in results["summary"]]
    count = max(map(len, every))
    text = f"mean ± standard error of {count} seeds" if count > 1 else "one seed"
    # Stages are made of the same runs.
    alone = [r for r in results["runs"] if not is_finished(r)]
    if alone:
        text += f", {len(alone)} of {len(results['runs'])} runs failed"
    return text
