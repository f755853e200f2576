"""Page of the experiment `supervision`."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur import zoo
from keras_recur._plot_style import COLORS, band, integer_ticks, label, new_figure
from keras_recur.reports.page import Page
from keras_recur.runs.summary import in_percent, is_clear

_LOSSES = {
    "final": "last iteration trained",
    "uniform": "every iteration trained",
    "geometric": "every iteration trained, later ones more",
}


def write_supervision_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings to a page, and the figures to the folder `plots`."""
    settings = results["settings"]
    family = zoo.describe(settings["family"])
    page.headline(headline(results))
    page.paragraph(
        "Zamir et al. 2017 (arXiv:1612.09508) train a recurrent network to answer at "
        "every iteration. Orhan argues that training the intermediate readouts "
        "matters, not the recurrence. This experiment varies both: the recurrent "
        "network and its feed-forward twin are trained on the last readout or on all "
        "readouts, with the same recipe, depth, widths and order of examples. Family: "
        f"{settings['family']}. {family.summary} Data: {settings['data']}."
    )
    page.heading("Over the iterations")
    page.figure(
        _curves(results, "accuracy"),
        plots / "accuracy.png",
        "Solid lines share their weights over the iterations, dashed lines do not.",
    )
    page.figure(
        _curves(results, "flips"),
        plots / "flips.png",
        "Examples whose answer changed from right to wrong in this iteration.",
    )
    page.table(*networks_table(results))
    page.paragraph(
        "Percentage of test examples, mean ± standard error over seeds. Over MACs: "
        "mean accuracy over the operations from the first iteration to the last. Lost: "
        "right after some iteration and wrong after the last. A seed whose training "
        "diverged counts as guessing.",
        small=True,
    )
    page.heading("Effect of each manipulation")
    page.table(*effects_table(results))
    page.paragraph(
        "Percentage points of accuracy, averaged over the other manipulation; mean ± "
        "standard error of the differences within each seed.",
        small=True,
    )


def headline(results: dict[str, Any]) -> str:
    """Return which of the two manipulations has the larger effect."""
    effects = results["summary"]["effects"]
    if not effects:
        return "No seed has finished all of its networks."
    parts = [
        f"{what}: {_points(*found['area'])} points over all iterations and "
        f"{_points(*found['last_accuracy'])} at the last"
        for what, found in effects.items()
    ]
    return (
        f"Over all iterations, {_verdict(effects, 'area')}. At the last iteration, "
        f"{_verdict(effects, 'last_accuracy')}. Changes of test accuracy: "
        f"{'; '.join(parts)}."
    )


def _verdict(effects, key):
    """Return which manipulation has the larger effect if the difference is clear."""
    sizes = {what: found[key] for what, found in effects.items()}
    recurrence = sizes.pop("recurrent against feed-forward")
    supervision = max(sizes.values(), key=lambda found: abs(found[0]))
    if recurrence[1] is None:
        return "one seed cannot tell which manipulation matters more"
    apart = abs(supervision[0]) - abs(recurrence[0])
    if not is_clear(apart, supervision[1], recurrence[1]):
        return "neither manipulation clearly matters more than the other"
    if apart > 0:
        return "which iterations are trained matters more than recurrence"
    return "recurrence matters more than which iterations are trained"


def networks_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a row per network."""
    header = ["network", "last iteration", "over MACs", "lost", "parameters"]
    rows = []
    for name, found in results["summary"]["networks"].items():
        figures = [
            in_percent(found[key], found[f"{key}_standard_error"])
            for key in ("last_accuracy", "area", "flip_rate")
        ]
        counts = (
            f"{found['parameters']:,}",
            f"{found['failed_seeds']} of {found['seeds']}",
        )
        rows.append([_name(name), *figures, *counts])
    return [*header, "failed seeds"], rows


def _name(network):
    twin, _, loss = network.partition("-")
    return f"{label(twin)}, {_LOSSES[loss]}"


def effects_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a row per manipulation."""
    rows = [
        [what, _points(*found["last_accuracy"]), _points(*found["area"])]
        for what, found in results["summary"]["effects"].items()
    ]
    return ["", "last iteration", "over MACs"], rows


def _points(mean, error):
    text = in_percent(mean, error)
    return text if text.startswith("-") else f"+{text}"


def _curves(results, key):
    settings = results["settings"]
    what = {"accuracy": "Test accuracy"}.get(key, "Answers that became wrong")
    where = f"{settings['family']} on {settings['data']}"
    figure, (axes,) = new_figure(title=f"{what} over iterations, {where}")
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
                label=_name(name),
                marker="o",
                markersize=3,
            )
    integer_ticks(axes.xaxis)
    axes.set_xlabel("iterations")
    axes.set_ylabel({"accuracy": "test accuracy (%)"}.get(key, "became wrong (%)"))
    axes.set_ylim(bottom=0)
    if axes.lines:
        axes.legend(frameon=False, fontsize=8)
    return figure
