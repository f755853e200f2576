"""Plots of a run, made from the content of `results.json`."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur import data as data_room
from keras_recur._plot_style import (
    band,
    color_of,
    integer_ticks,
    label,
    line_style,
    mark_trained,
    new_figure,
    percent_axis,
    save,
)
from keras_recur.reports.settling import CAPTION, draw_settling
from keras_recur.runs.summary import counted, guess, is_finished, size_label, span

_SHADES = ("#0b3c68", "#1f6fb2", "#69a7dc", "#a9cdee")


def draw_all(results: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Draw every plot that the results allow; return `(file name, caption)` pairs."""
    pictures = []
    for name, draw, caption in (
        ("iterations.png", _iterations, _ITERATIONS),
        ("settling.png", _settling, CAPTION),
        ("sizes.png", _sizes, _SIZES),
        ("macs.png", _macs, _MACS),
        ("training.png", _training, _TRAINING),
    ):
        figure = draw(results)
        if figure is not None:
            save(figure, folder / name)
            pictures.append((name, caption))
    return pictures


_ITERATIONS = "Test score after each iteration; shaded iterations were trained."
_SIZES = (
    "Test score by input size, after the number of iterations (it.) that scored best "
    "on validation examples of that size."
)
_MACS = (
    "Test score against the multiply-accumulate operations (MACs) of one example up "
    "to each iteration."
)
_TRAINING = "Score after each epoch of training, on examples that are not trained."


def task(entry: dict[str, Any]) -> str:
    """Return a name of the task, such as "prefix sums of 32 bits"."""
    name, size = entry["data"].replace("_", " "), entry["test_sizes"][0]
    if isinstance(size, list | tuple):
        size = size[0]
    if not size:
        return name
    return f"{name} of {size} bits" if name == "prefix sums" else f"{name}, size {size}"


def _rows(results, network, size):
    """Return the curves of a network on the test size of that index, one per seed."""
    runs = counted(results["entry"], results["runs"], network)
    return [
        [None if a is None else 100 * a for a in r["tests"][size]["curve"]]
        for r in runs
    ]


def _drawn(results):
    """Return names to draw, where recalibrated networks replace the originals."""
    # Folded networks are recalibrated too, so the comparison is fair.
    every = results["summary"]
    return [name for name in every if f"{name}, recalibrated" not in every]


def _score(results):
    metric = data_room.describe(results["entry"]["data"]).metric
    return "F1" if metric == "f1" else "accuracy"


def _figure(results, title, panels=1):
    score = _score(results)
    title = title.format(score=score[0].upper() + score[1:])
    title = f"{title}, {task(results['entry'])} ({_seeds(results)})"
    figure, every = new_figure(panels, title=title, sharey=True)
    for axes in every:
        percent_axis(axes, f"test {score}")
    for axes in every[1:]:
        axes.set_ylabel("")
    return figure, every


def _seeds(results):
    twins = [r["twin"] for r in results["runs"]]
    count = max(map(twins.count, twins), default=0)
    text = f"mean ± standard error, {count} seeds" if count > 1 else "one seed"
    failed = sum(not is_finished(r) for r in results["runs"])
    return f"{text}; {failed} of {len(twins)} runs failed" if failed else text


def _iterations(results):
    entry = results["entry"]
    trained = entry["model"].get("iterations")
    if trained is None:
        return None
    figure, (axes,) = _figure(results, "{score} over iterations")
    mark_trained(axes, trained)
    sizes, names = entry["test_sizes"], _drawn(results)
    for network in names:
        # With many networks, the smallest and the largest size are enough.
        shown = [0, len(sizes) - 1] if len(names) > 2 else range(len(sizes))
        for i in sorted(set(shown)):
            rows = _rows(results, network, i)
            if not rows:
                continue
            line, name = line_style(network), label(network)
            place = i / max(3, len(sizes) - 1)
            if sizes[i] and network == "recurrent" and len(names) <= 2:
                line["color"] = _shades()(place)
                name += f", {size_label(sizes[i])}"
            elif len(sizes) > 1:
                # A twin's lines coincide at 0 %, so they share one legend entry.
                line["alpha"] = np.interp(3 * place, range(4), (1, 0.7, 0.5, 0.35))
                name = "" if i else name
            band(axes, np.arange(1, len(rows[0]) + 1), rows, label=name, **line)
    if not axes.lines:
        return None
    axes.set_xlabel("iterations at test time")
    axes.set_xlim(left=0.5)
    integer_ticks(axes.xaxis)
    _legend(figure, "paler lines: larger inputs" if len(sizes) > 1 else None)
    return figure


def _shades():
    """Return the colors of sizes, from 0 (dark, the smallest) to 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("sizes", _SHADES)


def _legend(figure, title=None):
    place = {"loc": "outside right center", "fontsize": 8, "title_fontsize": 8}
    figure.legend(title=title, frameon=False, **place)


def _settling(results):
    task_name = task(results["entry"])
    return draw_settling(results, f"Long runs, {task_name} ({_seeds(results)})")


def _sizes(results):
    sizes = results["entry"]["test_sizes"]
    networks = [n for n in _drawn(results) if results["summary"][n]["sizes"]]
    if len(sizes) < 2 or not networks:
        return None
    figure, (axes,) = _figure(results, "{score} by input size")
    place = np.arange(len(sizes))
    wide = 0.8 / max(2, len(networks))
    for turn, network in enumerate(networks):
        found = results["summary"][network]["sizes"]
        offset = wide * (turn - (len(networks) - 1) / 2)
        means = [100 * s["mean"] for s in found]
        bars = axes.bar(
            place + offset,
            means,
            0.95 * wide,
            yerr=[100 * (s["standard_error"] or 0) for s in found],
            color=color_of(network),
            alpha=0.55 if ", folded" in network else 1,
            label=label(network),
            capsize=3,
        )
        labels = [f"{mean:.0f}" for mean in means]
        if len(networks) < 3:
            steps = [span(s["iterations"]) for s in found]
            labels = [f"{m}\n{t} it." for m, t in zip(labels, steps, strict=True)]
        axes.bar_label(bars, labels, fontsize=7, padding=3)
    axes.set_ylim(-2, 125 if len(networks) < 3 else 112)
    names = [size_label(s).replace("size ", "").replace(", ", "\n") for s in sizes]
    names[0] += "\n(trained)"
    axes.set_xticks(place, names)
    axes.set_xlabel("size of the input")
    _legend(figure)
    return figure


def _macs(results):
    macs, entry = results.get("macs", {}), results["entry"]
    trained = entry["model"].get("iterations")
    networks = [n for n in _drawn(results) if n.partition(", ")[0] in macs]
    # Folded networks may run more iterations than were counted.
    networks = [n for n in networks if ", folded" not in n]
    if trained is None or not networks:
        return None
    sizes = entry["test_sizes"][: len(macs[networks[0].partition(", ")[0]])]
    figure, panels = _figure(results, "{score} against operations", len(sizes))
    for i, (axes, size) in enumerate(zip(panels, sizes, strict=True)):
        counts = [macs[n.partition(", ")[0]][i] for n in networks]
        unit, word = _unit(max(c for count in counts for c in count if c))
        for network, count in zip(networks, counts, strict=True):
            rows = _rows(results, network, i)
            x = np.array(count[: min(map(len, rows))], float) / unit
            band(axes, x, rows, label=label(network), **line_style(network))
            if trained <= len(x):
                end = np.mean([row[trained - 1] for row in rows])
                ring = {"mfc": "none", "ms": 9, "mew": 1.8, "clip_on": False}
                color = color_of(network)
                axes.plot(x[trained - 1], end, "o", color=color, zorder=3, **ring)
        axes.set_xlim(left=0)
        if size:
            place = size_label(size) + (" (trained)" if not i else "")
            axes.set_title(place, fontsize=10)
        axes.set_xlabel(f"MACs of one example{word}")
    handles, names = panels[0].get_legend_handles_labels()
    from matplotlib.lines import Line2D

    handles.append(Line2D([], [], color="0.4", marker="o", ls="", mfc="none", ms=8))
    names.append("last trained iteration")
    place = {"loc": "outside lower center", "ncols": 3}
    figure.legend(handles, names, fontsize=9, frameon=False, **place)
    return figure


def _unit(largest):
    """Return the unit that shortens a number, and its name."""
    units = (1e9, " (billions)"), (1e6, " (millions)"), (1e3, " (thousands)")
    return next((unit for unit in units if largest >= unit[0]), (1, ""))


def _training(results):
    score = _score(results)
    figure, (axes,) = _figure(results, "{score} during training")
    key = f"val_{score.lower()}"
    for network in (name for name in results["summary"] if "," not in name):
        runs = counted(results["entry"], results["runs"], network)
        done = [
            r["history"][key] for r in runs if is_finished(r) and key in r["history"]
        ]
        if done:
            lost = sum(not is_finished(r) for r in runs)
            guesses = [guess(results["entry"]["data"])] * len(done[0])
            rows = [[100 * a for a in row] for row in done + lost * [guesses]]
            epochs = np.arange(1, len(rows[0]) + 1)
            band(axes, epochs, rows, color=color_of(network), label=label(network))
    if not axes.lines:
        return None
    _mark_phases(axes, results["entry"])
    integer_ticks(axes.xaxis)
    axes.set_ylabel(f"validation {score} (%)")
    axes.set_xlabel("epoch")
    _legend(figure)
    return figure


def _mark_phases(axes, entry):
    """Mark the start of each phase of a curriculum with its window."""
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
        axes.text(start + 0.1, 104, f"window {window}", fontsize=8, color="0.4")
