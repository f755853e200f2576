"""Plots and text of the experiment `readout-times`."""

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

# Key of the scores, network, label, color, line.
_CURVES = (
    ("errors", "shared", "shared", COLORS[0], "-"),
    ("recalibrated_errors", "shared", "shared, recalibrated", COLORS[2], "-"),
    ("errors", "not-shared", "not shared", COLORS[1], "--"),
    ("recalibrated_errors", "not-shared", "not shared, recalibrated", COLORS[4], "--"),
)


def write_readout_times_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings into a page, and the figures into the folder `plots`."""
    settings = results["settings"]
    page.headline(headline(results))
    page.paragraph(
        "Figure 5 of Liao and Poggio 2016 (arXiv:1604.03640), on "
        f"{settings['data']}: a residual network of two states, the first of which "
        f"loops, trained at readout time t = {settings['trained']} (steps + 1) and "
        "tested at others. Normalization has statistics of every step: past the "
        "training the last ones are used, or (recalibrated) statistics are estimated "
        "anew, on training images, for the network at that time. With weights of its "
        "own for every step the network has none for later steps; tested earlier, it "
        "leaves out its last loops."
    )
    page.figure(
        _errors(results),
        plots / "readout-times.png",
        "Test error over the readout time of the test. The line marks the time of the "
        "training.",
    )
    page.table(*times_table(results))
    page.paragraph(
        "Test error in percent, mean and standard error over seeds. A seed whose "
        "training diverged counts as one that guesses, at all times.",
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
                "Means and standard deviations that the first normalization of the "
                "loop keeps for every step, a line per channel, of seed "
                f"{result['seed']}.",
            )
            break


def headline(results: dict[str, Any]) -> str:
    """The result in some sentences."""
    settings, summary = results["settings"], results["summary"]
    first, trained, last = (settings[key] for key in ("first", "trained", "last"))
    if "shared" not in summary:
        return "The shared network was not trained."
    shared = summary["shared"]
    at = {
        time: (
            _cell(shared, "errors", time),
            _cell(shared, "recalibrated_errors", time),
        )
        for time in (first, trained, last)
    }
    return (
        f"Trained at t = {trained}, the shared network has a test error of "
        f"{at[trained][0]} % there. Read out at t = {first} it has {at[first][0]} % "
        f"({at[first][1]} % recalibrated), and at t = {last} {at[last][0]} % "
        f"({at[last][1]} % recalibrated)."
    )


def times_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row per readout time."""
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
    figure, (axes,) = new_figure()
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
    axes.legend(frameon=False)
    return figure
