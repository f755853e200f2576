"""Page of the experiment `text`."""

import math
from pathlib import Path
from typing import Any

from keras_recur._plot_style import COLORS, band, new_figure
from keras_recur.reports.page import Page
from keras_recur.runs.summary import is_clear, is_finished, with_error

_LABELS = {"graph": "state graph", "gru": "GRU"}


def write_text_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings to a page, and the figures to the folder `plots`."""
    page.headline(headline(results))
    page.paragraph(
        "Two networks of nearly equal size predict the next character of the "
        "documentation of Python. One is a graph of vector states that reads one "
        "character per step (Liao and Poggio 2016, arXiv:1604.03640), with separate "
        "normalization statistics for its first steps. The other is the GRU of Keras. "
        "Both train on the same windows in the same order with the same optimizer, and "
        "are scored on held-out text. Fewer bits are better."
    )
    page.heading("Bits per character")
    page.table(*bits_table(results))
    for name, label, caption in (
        (
            "training",
            "epoch",
            "Bits per character of validation text after each epoch.",
        ),
        (
            "positions",
            "position in the window",
            "Bits per test character by position: later positions have more context.",
        ),
        (
            "far",
            "position in the window",
            "The same in windows longer than those of the training (shaded).",
        ),
    ):
        figure = _curves(results, name, label)
        if figure is not None:
            page.figure(figure, plots / f"{name}.png", caption)
    page.heading("Sampled text")
    for label, temperature, text in sampled(results):
        page.paragraph(f"{label}, temperature {temperature}:")
        page.verbatim(text)


def headline(results: dict[str, Any]) -> str:
    """Return whether one network is clearly better, and the bits of both."""
    summary = results["summary"]
    networks = summary["networks"]
    parts = [f"{_bits(found)} for the {_LABELS[n]}" for n, found in networks.items()]
    failed = sum(found["failed_seeds"] for found in networks.values())
    text = (
        f"{_verdict(networks)} Bits per character of test text: {', '.join(parts)}. "
        f"A unigram model needs {summary['bits_without_context']:.2f}."
    )
    if failed:
        text += f" {failed} runs diverged and count as guessing."
    return text


def _verdict(networks):
    """Compare both networks; a clear difference is at least two standard errors."""
    if set(networks) != set(_LABELS):
        return "Only one of the two networks was trained."
    graph, gru = networks["graph"], networks["gru"]
    if graph["standard_error"] is None or gru["standard_error"] is None:
        return "One seed cannot tell which network models text better."
    apart = graph["bits_per_character"] - gru["bits_per_character"]
    if not is_clear(apart, graph["standard_error"], gru["standard_error"]):
        return "The state graph and the GRU of equal size do not differ clearly."
    better = "state graph" if apart < 0 else "GRU"
    return f"The {better} models text better at equal size."


def bits_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows with bits, parameters and time of both networks."""
    networks = results["summary"]["networks"]
    first = next(iter(networks.values()))["parameters"]
    header = ["network", "bits per character", "parameters", "ratio", "time"]
    rows = [
        [
            _LABELS[name],
            _bits(found),
            f"{found['parameters']:,}",
            f"{found['parameters'] / first:.3f}",
            f"{found['seconds']:.0f} s",
            f"{found['failed_seeds']} of {found['seeds']}",
        ]
        for name, found in networks.items()
    ]
    return [*header, "failed seeds"], rows


def sampled(results: dict[str, Any]) -> list[tuple[str, float, str]]:
    """Return network, temperature and text of each sample of the first seed."""
    return [
        (_LABELS[run["network"]], sample["temperature"], sample["text"])
        for name in results["summary"]["networks"]
        for run in [r for r in results["runs"] if r["network"] == name][:1]
        for sample in run.get("samples", ())
    ]


def _bits(found):
    return with_error(found["bits_per_character"], found["standard_error"], 3)


def _rows(results, name, network):
    """Return the curves of a network, one per seed, with guesses for diverged ones."""
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
    what = "during training" if name == "training" else "by position in the window"
    figure, (axes,) = new_figure(title=f"Bits per character {what}")
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
    # Values above guessing would flatten the other curves.
    axes.set_ylim(0, min(axes.get_ylim()[1], math.log2(97)))
    axes.legend(frameon=False)
    return figure
