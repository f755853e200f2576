"""Page of the experiment `readout-times`."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import COLORS, band, new_figure
from keras_recur.analysis.batch_norm_statistics import (
    BatchNormStatistics,
    draw_statistics,
)
from keras_recur.reports.page import Page
from keras_recur.runs.summary import in_percent

# Key of the scores, network, label, color and line style.
_CURVES = (
    ("errors", "shared", "shared", COLORS[0], "-"),
    ("recalibrated_errors", "shared", "shared, recalibrated", COLORS[2], "-"),
    ("errors", "not-shared", "not shared", COLORS[1], "--"),
    ("recalibrated_errors", "not-shared", "not shared, recalibrated", COLORS[4], "--"),
)


def write_readout_times_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings to a page, and the figures to the folder `plots`."""
    settings = results["settings"]
    page.headline(headline(results))
    page.paragraph(
        "This repeats Figure 5 of Liao and Poggio 2016 (arXiv:1604.03640) on "
        f"{settings['data']}. A residual network of two states, the first of which "
        f"loops, is trained at readout time t = {settings['trained']} (steps + 1) and "
        "tested at other times. Normalization has statistics for each step. Later "
        "steps use the last ones; recalibrated networks estimate them again on "
        "training images for that readout time. A network with separate weights for "
        "every step has none for later steps. When tested earlier, it leaves out its "
        "last loops."
    )
    page.figure(
        _errors(results),
        plots / "readout-times.png",
        "The dotted line marks the readout time of the training.",
    )
    page.table(*times_table(results))
    page.paragraph(
        "Test error in percent, mean ± standard error over seeds. A seed whose "
        "training diverged counts as guessing at all times.",
        small=True,
    )
    page.heading("Statistics over time")
    for result in results["runs"]:
        if "statistics" in result:
            found = result["statistics"]
            arrays = (np.array(found[key]) for key in ("mean", "deviation"))
            drawn = draw_statistics({found["layer"]: BatchNormStatistics(*arrays)})
            page.figure(
                drawn,
                plots / "statistics.png",
                "Means and standard deviations of the first normalization in the loop "
                f"for every step, one line per channel (seed {result['seed']}).",
            )
            break


def headline(results: dict[str, Any]) -> str:
    """Return whether new statistics help at other readout times, with the errors."""
    settings, summary = results["settings"], results["summary"]
    first, trained, last = (settings[key] for key in ("first", "trained", "last"))
    if "shared" not in summary:
        return "The shared network was not trained."
    shared = summary["shared"]
    others = [time - first for time in (first, last) if time != trained]
    plain, again = shared["errors"], shared["recalibrated_errors"]
    text = "Normalization statistics that are estimated again do not help at every "
    text += "other readout time."
    if others and all(again[i] < plain[i] for i in others):
        text = (
            "A trained network works at other readout times only if its normalization "
            "statistics are estimated again (recalibrated)."
        )
    parts = [
        f"{_cell(shared, 'errors', time)} % at t = {time} "
        f"({_cell(shared, 'recalibrated_errors', time)} % recalibrated)"
        for time in (first, last)
    ]
    return (
        f"{text} The shared network, trained at t = {trained}, has a test error of "
        f"{_cell(shared, 'errors', trained)} % there, {parts[0]} and {parts[1]}."
    )


def times_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a row per readout time."""
    summary = results["summary"]
    curves = [curve for curve in _CURVES if curve[1] in summary]
    times = max((s["readout_times"] for s in summary.values()), key=len)
    header = ["t", *[label for _, _, label, *_ in curves]]
    rows = [
        [str(time), *[_cell(summary[name], key, time) for key, name, *_ in curves]]
        for time in times
    ]
    parameters = [f"{summary[name]['parameters']:,}" for _, name, *_ in curves]
    failed = [
        f"{summary[n]['failed_seeds']} of {summary[n]['seeds']}" for _, n, *_ in curves
    ]
    return header, [*rows, ["parameters", *parameters], ["failed seeds", *failed]]


def _cell(found, key, time):
    place = time - found["readout_times"][0]
    if place >= len(found[key]):
        return "-"
    return in_percent(found[key][place], found[f"{key}_standard_errors"][place])


def _errors(results):
    title = "Test error over readout time (mean ± standard error)"
    figure, (axes,) = new_figure(title=title)
    first = results["settings"]["first"]
    for key, name, label, color, line in _CURVES:
        rows = [
            [100 * e for e in r[key]] for r in results["runs"] if r["network"] == name
        ]
        if rows and rows[0]:
            times = range(first, first + max(map(len, rows)))
            band(axes, times, rows, color=color, linestyle=line, label=label)
    axes.axvline(results["settings"]["trained"], color="0.6", lw=1, ls=":", zorder=0)
    axes.set_xlabel("readout time t of the test")
    axes.set_ylabel("test error (%)")
    axes.set_ylim(bottom=0)
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure
