"""Plots and text of the experiment `text`."""

import math
from pathlib import Path
from typing import Any

from keras_recur._plot_style import COLORS, band, new_figure
from keras_recur.reports.page import Page
from keras_recur.runs.summary import is_finished, with_error

_LABELS = {"graph": "state graph", "gru": "GRU"}


def write_text_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings into a page, and the figures into the folder `plots`."""
    page.headline(headline(results))
    page.paragraph(
        "Two networks of nearly equal size predict the next character of the "
        "documentation that comes with Python: a graph of vector states that sees a "
        "character at every step (Liao and Poggio 2016, arXiv:1604.03640), with "
        "normalization statistics for each of its first steps, and a GRU as Keras has "
        "it. Both see the same windows in the same order, with the same optimizer, and "
        "are scored on text that was not trained on. Fewer bits are better."
    )
    page.heading("Bits per character")
    page.table(*bits_table(results))
    for name, label, caption in (
        ("training", "epoch", "Bits per character of validation text, by epoch."),
        (
            "positions",
            "position in the window",
            "Bits per test character by its position in the window: what more context "
            "is worth.",
        ),
        (
            "far",
            "position in the window",
            "The same in longer windows than those that were trained (shaded), where "
            "normalization goes on with its last statistics.",
        ),
    ):
        figure = _curves(results, name, label)
        if figure is not None:
            page.figure(figure, plots / f"{name}.png", caption)
    page.heading("What they write")
    for label, temperature, text in sampled(results):
        page.paragraph(f"{label}, temperature {temperature}:")
        page.verbatim(text)


def headline(results: dict[str, Any]) -> str:
    """The result in a sentence or two."""
    summary = results["summary"]
    parts = [
        f"{_LABELS[name]} {_bits(found)}" for name, found in summary["networks"].items()
    ]
    failed = sum(found["failed_seeds"] for found in summary["networks"].values())
    text = (
        f"Bits per character of test text: {', '.join(parts)}; who knows only how "
        f"frequent each character is needs {summary['bits_without_context']:.2f}."
    )
    if failed:
        text += f" {failed} runs diverged, and count as if they knew nothing."
    return text


def bits_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: bits, parameters and time of both networks."""
    networks = results["summary"]["networks"]
    first = next(iter(networks.values()))["parameters"]
    header = ["network", "bits per character", "seeds", "failed", "parameters"]
    header += ["ratio", "time"]
    rows = [
        [
            _LABELS[name],
            _bits(found),
            str(found["seeds"]),
            str(found["failed_seeds"]),
            f"{found['parameters']:,}",
            f"{found['parameters'] / first:.3f}",
            f"{found['seconds']:.0f} s",
        ]
        for name, found in networks.items()
    ]
    return header, rows


def sampled(results: dict[str, Any]) -> list[tuple[str, float, str]]:
    """Network, temperature and text of what was written with the first seed."""
    return [
        (_LABELS[run["network"]], sample["temperature"], sample["text"])
        for name in results["summary"]["networks"]
        for run in [r for r in results["runs"] if r["network"] == name][:1]
        for sample in run.get("samples", ())
    ]


def _bits(found):
    return with_error(found["bits_per_character"], found["standard_error"], 3)


def _rows(results, name, network):
    """The curves of one network, a row per seed; failed ones guess."""
    runs = [r for r in results["runs"] if r["network"] == network]
    if name == "training":
        epochs = results["settings"]["epochs"]
        return [
            [loss / math.log(2) for loss in r["history"]["val_loss"]]
            if is_finished(r)
            else [r["bits_per_character"]] * epochs
            for r in runs
        ]
    key = {"positions": "bits_by_position", "far": "bits_by_far_position"}[name]
    return [r[key] for r in runs if key in r]


def _curves(results, name, label):
    figure, (axes,) = new_figure()
    for network, color in zip(results["summary"]["networks"], COLORS, strict=False):
        rows = _rows(results, name, network)
        if rows:
            x = range(1, len(rows[0]) + 1)
            band(axes, x, rows, color=color, label=_LABELS[network])
    if not axes.lines:
        return None
    if name == "far":
        trained = results["settings"]["length"]
        axes.axvspan(0.5, trained + 0.5, color="0.92", lw=0, zorder=0)
    split = "validation" if name == "training" else "test"
    axes.set_xlabel(label)
    axes.set_ylabel(f"{split} bits per character")
    # Above it is worse than guessing: an epoch like that would flatten all others.
    axes.set_ylim(0, min(axes.get_ylim()[1], math.log2(97)))
    axes.legend(frameon=False)
    return figure
