"""Plots of a run. Matplotlib is imported when one is drawn, not before."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur.runs.summary import span
from keras_recur.training.checkpoint import replacing

COLORS = {"recurrent": "#1f6fb2", "feedforward": "#d1662b"}
LABELS = {"recurrent": "recurrent", "feedforward": "feed-forward twin"}
_SHADES = ("#0b3c68", "#1f6fb2", "#69a7dc", "#a9cdee")


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
    "Accuracy after each iteration at test time. Shaded: the iterations that were "
    "trained. The recurrent network can go on with the same weights; the feed-forward "
    "twin has no layers left."
)
_SIZES = (
    "Accuracy on larger inputs than those trained on, after the number of iterations "
    "(it.) that did best on validation examples of the same size. The recurrent "
    "network can run more of them than it was trained with; its twin has a fixed depth."
)
_TRAINING = "Validation accuracy over training, at the size that is trained on."


def _finished(results, twin):
    return [
        r for r in results["runs"] if r["twin"] == twin and r["status"] == "finished"
    ]


def _figure(title):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(-2, 102)
    axes.set_ylabel("test accuracy (%)")
    axes.grid(axis="y", alpha=0.25)
    return figure, axes


def _band(axes, x, rows, **style):
    rows = 100 * np.asarray(rows)
    mean = rows.mean(axis=0)
    axes.plot(x, mean, **style)
    if len(rows) > 1:
        error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
        axes.fill_between(
            x, mean - error, mean + error, color=style["color"], alpha=0.2, lw=0
        )


def _seeds(results):
    count = max(len(_finished(results, t)) for t in ("recurrent", "feedforward"))
    return f"mean ± standard error of {count} seeds" if count > 1 else "one seed"


def _iterations(results):
    entry = results["entry"]
    figure, axes = _figure(f"{results['name']}: {_seeds(results)}")
    trained = entry["model"]["iterations"]
    axes.axvspan(0.5, trained + 0.5, color="0.9", lw=0, zorder=0)
    axes.text(0.7, 101, "trained", va="top", fontsize=8, color="0.4")
    for twin, style in (("recurrent", "-"), ("feedforward", "--")):
        runs = _finished(results, twin)
        for i, size in enumerate(entry["test_sizes"] if runs else ()):
            rows = [r["tests"][i]["curve"] for r in runs]
            color = _SHADES[i % 4] if twin == "recurrent" else COLORS[twin]
            _band(
                axes,
                np.arange(1, len(rows[0]) + 1),
                rows,
                color=color,
                linestyle=style,
                alpha=1 if twin == "recurrent" else (1, 0.7, 0.5, 0.35)[i % 4],
                label=f"{LABELS[twin]}{f', size {size}' if size else ''}",
            )
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
    figure, axes = _figure(f"{results['name']}: {_seeds(results)}")
    place = np.arange(len(sizes))
    for offset, twin in ((-0.2, "recurrent"), (0.2, "feedforward")):
        summary = results["summary"].get(twin)
        if not summary or not summary["sizes"]:
            continue
        means = [100 * s["mean"] for s in summary["sizes"]]
        errors = [100 * (s["standard_error"] or 0) for s in summary["sizes"]]
        bars = axes.bar(
            place + offset,
            means,
            0.38,
            yerr=errors,
            color=COLORS[twin],
            label=LABELS[twin],
            capsize=3,
        )
        labels = [
            f"{m:.0f}\n{span(s['iterations'])} it."
            for m, s in zip(means, summary["sizes"], strict=True)
        ]
        axes.bar_label(bars, labels, fontsize=7, padding=3)
    if not axes.containers:
        return None
    axes.set_ylim(-2, 125)
    axes.set_yticks(range(0, 101, 20))
    trained = results["entry"]["size"]
    axes.set_xticks(
        place, [f"{s}{' (trained)' if s == trained else ''}" for s in sizes]
    )
    axes.set_xlabel("size of the input")
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure


def _training(results):
    figure, axes = _figure(f"{results['name']}: {_seeds(results)}")
    for twin in ("recurrent", "feedforward"):
        rows = [
            r["history"]["val_accuracy"]
            for r in _finished(results, twin)
            if "val_accuracy" in r["history"]
        ]
        if rows:
            _band(
                axes,
                np.arange(1, len(rows[0]) + 1),
                rows,
                color=COLORS[twin],
                label=LABELS[twin],
            )
    if not axes.lines:
        return None
    axes.set_ylabel("validation accuracy (%)")
    axes.set_xlabel("epoch")
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure
