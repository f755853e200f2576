"""Plots and text of the experiment `supervision`."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur import zoo
from keras_recur._plot_style import COLORS, band, integer_ticks, label, new_figure
from keras_recur.reports.page import Page
from keras_recur.runs.summary import in_percent

_LOSSES = {
    "final": "last iteration trained",
    "uniform": "every iteration trained",
    "geometric": "every iteration trained, later ones more",
}


def write_supervision_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings into a page, and the figures into the folder `plots`."""
    settings = results["settings"]
    family = zoo.describe(settings["family"])
    page.headline(headline(results))
    page.paragraph(
        "Zamir et al. 2017 (arXiv:1612.09508) train a recurrent network to answer at "
        "every iteration. Orhan's reading is that what matters is not the recurrence "
        "but that intermediate answers are trained, which any network can have. So "
        "both are varied: the recurrent network and its feed-forward twin, each "
        "trained on its last answer, and on all of them, with the same recipe, steps, "
        f"widths and examples in the same order. {settings['family']}: "
        f"{family.summary} Data: {settings['data']}."
    )
    page.heading("Over the iterations")
    page.figure(
        _curves(results, "accuracy"),
        plots / "accuracy.png",
        "Test accuracy after every iteration. Lines share their weights over the "
        "iterations, dashed ones do not.",
    )
    page.figure(
        _curves(results, "flips"),
        plots / "flips.png",
        "Examples that were right after the iteration before, and are wrong after "
        "this one.",
    )
    page.table(*networks_table(results))
    page.paragraph(
        "Test examples, in percent; mean and standard error over seeds. Over MACs: "
        "mean accuracy over the operations from the first iteration to the last. Lost: "
        "right after some iteration, and wrong after the last. A seed whose training "
        "diverged counts as guessing.",
        small=True,
    )
    page.heading("What each manipulation changes")
    page.table(*effects_table(results))
    page.paragraph(
        "Points of accuracy, the other manipulation averaged over; mean and standard "
        "error of the differences seed by seed.",
        small=True,
    )


def headline(results: dict[str, Any]) -> str:
    """Which of the two manipulations carries the effect."""
    effects = results["summary"]["effects"]
    if not effects:
        return "No seed has all of its networks yet."
    parts = [
        f"{what}: {_points(*found['area'])} points over all iterations, "
        f"{_points(*found['last_accuracy'])} at the last"
        for what, found in effects.items()
    ]
    return (
        f"Change of test accuracy. {'; '.join(parts)}. Over all iterations "
        f"{_verdict(effects, 'area')}; at the last one "
        f"{_verdict(effects, 'last_accuracy')}."
    )


def _verdict(effects, key):
    """Which manipulation has the larger effect, if it is clearly larger."""
    sizes = {what: found[key] for what, found in effects.items()}
    recurrence = sizes.pop("recurrent against feed-forward")
    supervision = max(sizes.values(), key=lambda found: abs(found[0]))
    if recurrence[1] is None:
        return "one seed cannot tell which manipulation matters more"
    apart = abs(supervision[0]) - abs(recurrence[0])
    if abs(apart) < 2 * math.hypot(supervision[1], recurrence[1]):
        return "neither manipulation clearly matters more than the other"
    if apart > 0:
        return "which iterations are trained matters more than recurrence"
    return "recurrence matters more than which iterations are trained"


def networks_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row per network."""
    header = ["network", "trained", "last iteration", "over MACs", "lost"]
    header += ["parameters", "seeds", "failed"]
    rows = []
    for name, found in results["summary"]["networks"].items():
        twin, _, loss = name.partition("-")
        figures = [
            in_percent(found[key], found[f"{key}_standard_error"])
            for key in ("last_accuracy", "area", "flip_rate")
        ]
        counts = f"{found['parameters']:,}", found["seeds"], found["failed_seeds"]
        rows.append([label(twin), _LOSSES[loss], *figures, *map(str, counts)])
    return header, rows


def effects_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row per manipulation."""
    rows = [
        [what, _points(*found["last_accuracy"]), _points(*found["area"])]
        for what, found in results["summary"]["effects"].items()
    ]
    return ["", "last iteration", "over MACs"], rows


def _points(mean, error):
    text = in_percent(mean, error)
    return text if text.startswith("-") else f"+{text}"


def _curves(results, key):
    figure, (axes,) = new_figure()
    losses = list(
        dict.fromkeys(n.partition("-")[2] for n in results["summary"]["networks"])
    )
    for name in results["summary"]["networks"]:
        twin, _, loss = name.partition("-")
        rows = [
            [np.nan if v is None else 100 * v for v in r[key]]
            for r in results["runs"]
            if r["network"] == name
        ]
        if rows:
            band(
                axes,
                range(1, len(rows[0]) + 1),
                rows,
                color=COLORS[losses.index(loss)],
                linestyle="-" if twin == "recurrent" else "--",
                label=f"{label(twin)}, {_LOSSES[loss]}",
                marker="o",
                markersize=3,
            )
    integer_ticks(axes.xaxis)
    axes.set_xlabel("iterations")
    axes.set_ylabel({"accuracy": "test accuracy (%)"}.get(key, "right, then wrong (%)"))
    axes.set_ylim(bottom=0)
    if axes.lines:
        axes.legend(frameon=False, fontsize=8)
    return figure
