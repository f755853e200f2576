"""Plots of a run. Matplotlib is imported when one is drawn, not before."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._files import replacing
from keras_recur._plot_style import (
    band,
    counted_runs,
    drawn,
    label,
    score,
    shortest,
    style,
)
from keras_recur._plot_style import figure as figure_of
from keras_recur.runs.summary import guess, is_finished, size_label, span

_SHADES = ("#0b3c68", "#1f6fb2", "#69a7dc", "#a9cdee")


def draw_all(results: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Draws every plot that the results allow.

    Args:
        results: Content of `results.json`.
        folder: Where the PNG files go.

    Returns:
        `(file name, caption)` of each.
    """
    pictures = []
    for name, draw, caption in (
        ("iterations.png", _iterations, _ITERATIONS),
        ("sizes.png", _sizes, _SIZES),
        ("macs.png", _macs, _MACS),
        ("training.png", _training, _TRAINING),
    ):
        figure = draw(results)
        if figure is None:
            continue
        with replacing(folder / name) as file:
            figure.savefig(file, format="png", dpi=130)
        pictures.append((name, caption))
    return pictures


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
_MACS = (
    "Score against what it costs: multiply-accumulate operations of one example up to "
    "each iteration. Ring: the last iteration that was trained."
)
_TRAINING = (
    "Score on validation examples over training, at the size that is trained on; with "
    "a curriculum, of the phase that is trained."
)


def _iterations(results):
    entry = results["entry"]
    figure, (axes,) = figure_of(results)
    trained = entry["model"].get("iterations")
    if trained is None:
        return None
    axes.axvspan(0.5, trained + 0.5, color="0.9", lw=0, zorder=0)
    axes.text(0.7, 101, "trained", va="top", fontsize=8, color="0.4")
    several = len(drawn(results)) > 2
    for network in drawn(results):
        runs = counted_runs(results, network)
        for i, size in enumerate(entry["test_sizes"] if runs else ()):
            if several and i not in (0, len(entry["test_sizes"]) - 1):
                continue
            rows = shortest([r["tests"][i]["curve"] for r in runs])
            line = style(network)
            if network == "recurrent" and not several:
                line |= {"color": _SHADES[i % 4]}
            else:
                line |= {"alpha": (1, 0.7, 0.5, 0.35)[i % 4]}
            where = f", {size_label(size)}" if size else ""
            name = f"{label(network)}{where}"
            band(axes, np.arange(1, len(rows[0]) + 1), rows, label=name, **line)
    if not axes.lines:
        return None
    axes.set_xlabel("iterations at test time")
    axes.set_xlim(left=0.5)
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure


def _sizes(results):
    sizes = results["entry"]["test_sizes"]
    if len(sizes) < 2:
        return None
    figure, (axes,) = figure_of(results)
    place = np.arange(len(sizes))
    networks = [n for n in drawn(results) if results["summary"][n]["sizes"]]
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
            color=style(network)["color"],
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


def _macs(results):
    macs, entry = results.get("macs", {}), results["entry"]
    trained = entry["model"].get("iterations")
    networks = [n for n in drawn(results) if n.partition(", ")[0] in macs]
    # Folded networks may run further than their twins were counted.
    networks = [n for n in networks if ", folded" not in n]
    if trained is None or not networks:
        return None
    sizes = entry["test_sizes"][: len(macs[networks[0].partition(", ")[0]])]
    figure, panels = figure_of(results, len(sizes))
    for i, (axes, size) in enumerate(zip(panels, sizes, strict=True)):
        counts = [macs[n.partition(", ")[0]][i] for n in networks]
        largest = max(c for count in counts for c in count if c)
        unit, word = _unit(largest)
        for network, count in zip(networks, counts, strict=True):
            rows = shortest(
                [r["tests"][i]["curve"] for r in counted_runs(results, network)]
            )
            x = np.array(count[: len(rows[0])], float) / unit
            color = style(network)["color"]
            band(axes, x, rows, label=label(network), **style(network))
            if trained <= len(x):
                end = 100 * np.array(rows, float)[:, trained - 1].mean()
                ring = {"mfc": "none", "ms": 9, "mew": 1.8, "clip_on": False}
                axes.plot(x[trained - 1], end, "o", color=color, zorder=3, **ring)
        axes.set_xlim(left=0)
        if size:
            place = size_label(size) + (" (trained)" if not i else "")
            axes.set_title(place, fontsize=10)
        axes.set_xlabel(f"MACs of one example{word}")
    handles, names = panels[0].get_legend_handles_labels()
    from matplotlib.lines import Line2D

    handles.append(Line2D([], [], color="0.4", marker="o", ls="", mfc="none", ms=8))
    names.append("end of what was trained")
    figure.legend(
        handles, names, loc="outside lower center", ncols=3, fontsize=9, frameon=False
    )
    return figure


def _unit(largest):
    """The unit in which a number is short, and its name."""
    units = (1e9, " (billions)"), (1e6, " (millions)"), (1e3, " (thousands)")
    return next((unit for unit in units if largest >= unit[0]), (1, ""))


def _training(results):
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = figure_of(results)
    key = f"val_{score(results).lower()}"
    for network in (name for name in results["summary"] if "," not in name):
        runs = counted_runs(results, network)
        done = [
            r["history"][key] for r in runs if is_finished(r) and key in r["history"]
        ]
        if done:
            lost = sum(not is_finished(r) for r in runs)
            guesses = [guess(results["entry"]["data"])] * len(done[0])
            rows = shortest(done + lost * [guesses])
            color = style(network)["color"]
            epochs = np.arange(1, len(rows[0]) + 1)
            band(axes, epochs, rows, color=color, label=label(network))
    if not axes.lines:
        return None
    _mark_phases(axes, results["entry"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(f"validation {score(results)} (%)")
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
