"""The sentence and the figure of a report that say whether the loops settle."""

from typing import Any

from keras_recur import data as data_room
from keras_recur._plot_style import label
from keras_recur.analysis.plot_settling import plot_settling
from keras_recur.runs.settled import settled
from keras_recur.runs.summary import percent, size_label

CAPTION = (
    "A run far beyond the trained (shaded) iterations: test score, relative change of "
    "the state with its tolerance (dotted), and the shares of examples by the end of "
    "their states."
)


def settling_sentences(results: dict[str, Any]) -> str:
    """Return what each network does far beyond its trained iterations, or `""`."""
    entry = results["entry"]
    return " ".join(
        _sentences(entry, name, summary["settling"])
        for name, summary in results["summary"].items()
        if "settling" in summary
    )


def _sentences(entry, network, found):
    first, last = found["iterations"][0], found["iterations"][-1]
    size = entry["test_sizes"][0]
    of = f" of {size_label(size)}" if size else ""
    # Long runs are measured on few examples, so these scores differ from the others.
    examples = f"the first {found['examples']} test examples{of}"
    solves = f"solves {{}} of {examples}"
    if _metric(entry) == "f1":
        solves = f"reaches an F1 of {{}} on {examples}"
    text = (
        f"After {last:,} iterations ({last // first} times the trained {first:,}), the "
        f"{label(network)} network {solves.format(_share(found['accuracy'][-1]))}, "
        f"compared with {_share(found['accuracy'][0])} after {first:,}. The states of "
        f"{_share(found['fixed_points'])} are fixed points, those of "
        f"{_share(found['cycles'])} are cycles"
    )
    if found["periods"]:
        word = "period" if len(found["periods"]) == 1 else "periods"
        text += f" ({word} {', '.join(map(str, found['periods']))})"
    text += f", and those of {_share(found['neither'])} are neither"
    if found["diverged"]["mean"]:
        text += f"; those of {_share(found['diverged'])} are not finite"
    return f"{text}."


def _share(found):
    return percent(found["mean"], found["standard_error"])


def _metric(entry):
    return data_room.describe(entry["data"]).metric


def draw_settling(results: dict[str, Any], title: str) -> Any:
    """Return the figure of the first network that was measured, or `None`."""
    entry = results["entry"]
    for name, summary in results["summary"].items():
        if "settling" in summary:
            seeds = settled(entry, results["runs"], name)
            score = "F1" if _metric(entry) == "f1" else "accuracy"
            return plot_settling(seeds, f"test {score}", title=title)
    return None
