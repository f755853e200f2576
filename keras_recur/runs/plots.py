"""Plots of a run. Matplotlib is imported when one is drawn, not before."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur import data as data_room
from keras_recur.runs.summary import size_label, span
from keras_recur.training.checkpoint import replacing

COLORS = {"recurrent": "#1f6fb2", "feedforward": "#d1662b", "regularized": "#2a8f5a"}
LABELS = {
    "recurrent": "recurrent",
    "feedforward": "feed-forward twin",
    "regularized": "regularized recurrent",
}
_SHADES = ("#0b3c68", "#1f6fb2", "#69a7dc", "#a9cdee")


def label(network: str) -> str:
    """A network's name, as tables and legends have it."""
    name, comma, stage = network.partition(",")
    return LABELS.get(name, name) + comma + stage


def draw_all(results: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Draws every plot that the results allow.

    Args:
        results: Content of `results.json`.
        folder: Where the PNG files go.

    Returns:
        `(file name, caption)` of each.
    """
    drawn = []
    for name, draw, caption in (
        ("iterations.png", _iterations, _ITERATIONS),
        ("sizes.png", _sizes, _SIZES),
        ("training.png", _training, _TRAINING),
    ):
        figure = draw(results)
        if figure is None:
            continue
        with replacing(folder / name) as file:
            figure.savefig(file, format="png", dpi=130)
        drawn.append((name, caption))
    return drawn


_ITERATIONS = (
    "Score after each iteration at test time. Shaded: the iterations that were "
    "trained. What loops can go on with the same weights; the feed-forward twin has no "
    "layers left."
)
_SIZES = (
    "Score on larger inputs than those trained on, after the number of iterations "
    "(it.) that did best on validation examples of the same size. What loops can run "
    "more of them than it was trained with; the twin has a fixed depth."
)
_TRAINING = (
    "Score on validation examples over training, at the size that is trained on; with "
    "a curriculum, of the phase that is trained."
)


def _finished(results, network):
    twin, _, stage = network.partition(", ")
    runs = [
        r for r in results["runs"] if r["twin"] == twin and r["status"] == "finished"
    ]
    return [{**r, **r[stage]} for r in runs if stage in r] if stage else runs


def _drawn(results):
    """All networks; recalibrated ones, where there are such, in place of the others.

    Folded ones are recalibrated too: so all that is drawn was treated the same.
    """
    every = results["summary"]
    return [name for name in every if f"{name}, recalibrated" not in every]


def _score(results):
    metric = data_room.describe(results["entry"]["data"]).metric
    return "F1" if metric == "f1" else "accuracy"


def _style(network):
    """Color and line of a network; folded ones are dashed."""
    name, _, stage = network.partition(", ")
    dashed = stage == "folded" or name == "feedforward"
    return {
        "color": COLORS.get(name, "#7a5195"),
        "linestyle": "--" if dashed else "-",
    }


def _figure(results):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    title = f"{results['name']}: {_seeds(results)}"
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(-2, 102)
    axes.set_ylabel(f"test {_score(results)} (%)")
    axes.grid(axis="y", alpha=0.25)
    return figure, axes


def _band(axes, x, rows, **style):
    rows = 100 * np.asarray(rows, dtype=float)  # None, no score, becomes NaN.
    mean = rows.mean(axis=0)
    axes.plot(x, mean, **style)
    if len(rows) > 1:
        error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
        axes.fill_between(
            x, mean - error, mean + error, color=style["color"], alpha=0.2, lw=0
        )


def _seeds(results):
    count = max(len(_finished(results, name)) for name in results["summary"])
    return f"mean ± standard error of {count} seeds" if count > 1 else "one seed"


def _iterations(results):
    entry = results["entry"]
    figure, axes = _figure(results)
    trained = entry["model"].get("iterations")
    if trained is None:
        return None
    axes.axvspan(0.5, trained + 0.5, color="0.9", lw=0, zorder=0)
    axes.text(0.7, 101, "trained", va="top", fontsize=8, color="0.4")
    several = len(_drawn(results)) > 2
    for network in _drawn(results):
        runs = _finished(results, network)
        for i, size in enumerate(entry["test_sizes"] if runs else ()):
            if several and i not in (0, len(entry["test_sizes"]) - 1):
                continue
            rows = _shortest([r["tests"][i]["curve"] for r in runs])
            style = _style(network)
            if network == "recurrent" and not several:
                style |= {"color": _SHADES[i % 4]}
            else:
                style |= {"alpha": (1, 0.7, 0.5, 0.35)[i % 4]}
            where = f", {size_label(size)}" if size else ""
            name = f"{label(network)}{where}"
            _band(axes, np.arange(1, len(rows[0]) + 1), rows, label=name, **style)
    if not axes.lines:
        return None
    axes.set_xlabel("iterations at test time")
    axes.set_xlim(left=0.5)
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure


def _shortest(rows):
    """Curves of one length: folded networks of some seeds may run further."""
    return [row[: min(map(len, rows))] for row in rows]


def _sizes(results):
    sizes = results["entry"]["test_sizes"]
    if len(sizes) < 2:
        return None
    figure, axes = _figure(results)
    place = np.arange(len(sizes))
    networks = [n for n in _drawn(results) if results["summary"][n]["sizes"]]
    wide = 0.8 / max(2, len(networks))
    for turn, network in enumerate(networks):
        summary = results["summary"][network]
        offset = wide * (turn - (len(networks) - 1) / 2)
        means = [100 * s["mean"] for s in summary["sizes"]]
        errors = [100 * (s["standard_error"] or 0) for s in summary["sizes"]]
        bars = axes.bar(
            place + offset,
            means,
            0.95 * wide,
            yerr=errors,
            color=_style(network)["color"],
            alpha=0.55 if ", folded" in network else 1,
            label=label(network),
            capsize=3,
        )
        few = len(networks) < 3
        labels = [
            f"{m:.0f}" + (f"\n{span(s['iterations'])} it." if few else "")
            for m, s in zip(means, summary["sizes"], strict=True)
        ]
        axes.bar_label(bars, labels, fontsize=7, padding=3)
    if not axes.containers:
        return None
    axes.set_ylim(-2, 125)
    axes.set_yticks(range(0, 101, 20))
    names = [size_label(s).replace("size ", "").replace(", ", "\n") for s in sizes]
    names[0] += " (trained)"
    axes.set_xticks(place, names)
    axes.set_xlabel("size of the input")
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure


def _training(results):
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(results)
    key = f"val_{_score(results).lower()}"
    for network in results["summary"]:
        rows = [
            r["history"][key]
            for r in _finished(results, network)
            if key in r["history"] and "," not in network
        ]
        if rows:
            color = _style(network)["color"]
            epochs = np.arange(1, len(rows[0]) + 1)
            _band(axes, epochs, rows, color=color, label=label(network))
    if not axes.lines:
        return None
    _mark_phases(axes, results["entry"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(f"validation {_score(results)} (%)")
    axes.set_xlabel("epoch")
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure


def _mark_phases(axes, entry):
    """A line where a phase of the curriculum begins, and its window."""
    phases = entry.get("phases", ())
    if phases:
        axes.set_xlim(left=0.5)
    epochs = entry["recipes"]["recurrent"]["epochs"]
    for i, window in enumerate(phases):
        start = i * max(1, epochs // len(phases)) + 0.5
        if start > epochs:
            break
        if i:
            axes.axvline(start, color="0.7", lw=0.8, ls=":")
        axes.text(start + 0.1, 3, f"window {window}", fontsize=8, color="0.4")
