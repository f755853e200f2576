"""Page of the experiment `replay`."""

from pathlib import Path
from typing import Any

from keras_recur._plot_style import COLORS, band, new_figure, percent_axis
from keras_recur.reports.page import Page
from keras_recur.runs.summary import in_percent, is_clear, size_label

_NAMES = {
    "none": "no replay",
    "same": "same example",
    "same-and-other": "same and other examples",
}


def write_replay_page(page: Page, results: dict[str, Any], plots: Path) -> None:
    """Write the findings to a page, and the figure to the folder `plots`."""
    settings = results["settings"]
    recipe = settings["recipe"]
    page.headline(headline(results))
    page.paragraph(
        "With state replay, rows of a training batch start from the state in which the "
        "loop ended one step before. Some of them keep their example, others get "
        "another one. Here the same network is trained without replay, with rows that "
        f"keep their example only, and with both. Share of rows: {recipe['replay']:g}; "
        f"share of those that keep their example: {recipe['replay_same']:g}. Family: "
        f"{settings['family']}. Data: {settings['data']}. Trained: "
        f"{size_label(settings['size'])}, {settings['model']['iterations']} iterations."
    )
    page.figure(
        _curves(results),
        plots / "replay.png",
        "Left: iterations in proportion to the size. Right: trained size. Mean and "
        "standard error over seeds.",
    )
    page.table(*networks_table(results))
    page.paragraph(
        "Percentage of test examples, mean ± standard error over seeds, with the "
        "number of seeds at 97 % or more. The iterations grow with the size, so that "
        "each position has as many as in training; the rows of iterations are on the "
        "trained size. A seed forgets if it loses more than 1 point from the trained "
        "iterations to the long run. A seed whose training diverged counts as "
        "guessing. Differences are within seeds that trained both networks.",
        small=True,
    )


def headline(results: dict[str, Any]) -> str:
    """Return what both kinds of rows add, and how many seeds forget."""
    summary, settings = results["summary"], results["settings"]
    effects, networks = summary["effects"], summary["networks"]
    if not effects:
        return "No seed has finished all of its networks."
    size, count = settings["sizes"][-1], settings["iterations"][-1]
    parts = [_verdict(_NAMES[name], *found) for name, found in effects.items()]
    solved = [
        f"{found['solved'][-1]} of {found['seeds']} with {_NAMES[name]}"
        for name, found in networks.items()
    ]
    forgot = [
        f"{found['forgot']} of {found['seeds']} with {_NAMES[name]}"
        for name, found in networks.items()
    ]
    return (
        f"At {size_label(size)} ({count:,} iterations), replay of same and other "
        f"examples {' and '.join(parts)}. Seeds with at least 97 % there: "
        f"{', '.join(solved)}. Seeds that forget in {settings['long_run']:,} "
        f"iterations on the trained size: {', '.join(forgot)}."
    )


def _verdict(name, mean, error):
    points = in_percent(abs(mean), error)
    if error is None:
        return f"scores {points} points {_more(mean)} than {name} in one seed"
    if mean and is_clear(mean, error):
        return f"scores {points} points {_more(mean)} than {name}"
    return f"is not clearly different from {name} ({in_percent(mean, error)} points)"


def _more(mean):
    return "less" if mean < 0 else "more"


def networks_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a column per network."""
    settings = results["settings"]
    networks = results["summary"]["networks"]
    rows = [[size_label(size)] for size in settings["sizes"]]
    rows += [[f"{m} x iterations"] for m in settings["multiples"][1:]]
    rows.append([f"{settings['long_run']:,} iterations"])
    rows += [["seeds that forget"], ["failed seeds"], ["parameters"]]
    for found in networks.values():
        seeds = found["seeds"]
        sizes = zip(found["sizes"], found["solved"], strict=True)
        cells = [f"{in_percent(*s)} ({solved} of {seeds})" for s, solved in sizes]
        cells += [in_percent(*score) for score in found["over_iterations"][1:]]
        cells.append(in_percent(*found["long_run"]))
        cells += [f"{found[k]} of {seeds}" for k in ("forgot", "failed_seeds")]
        cells.append(f"{found['parameters']:,}")
        for row, cell in zip(rows, cells, strict=True):
            row.append(cell)
    return ["", *(_NAMES[name] for name in networks)], rows


def _curves(results):
    settings = results["settings"]
    where = f"{settings['family']} on {settings['data']}"
    figure, panels = new_figure(columns=2, title=f"State replay, {where}")
    sizes = [size_label(s).removeprefix("size ") for s in settings["sizes"]]
    times = [f"{m} x" for m in settings["multiples"]]
    shown = (("accuracies", sizes), ("over_iterations", times))
    for axes, (key, labels) in zip(panels, shown, strict=True):
        for name, color in zip(_NAMES, COLORS, strict=False):
            rows = [
                [100 * score for score in r[key]]
                for r in results["runs"]
                if r["network"] == name
            ]
            if rows:
                style = {"color": color, "label": _NAMES[name], "marker": "o"}
                band(axes, range(len(labels)), rows, **style)
        axes.set_xticks(range(len(labels)), labels)
        percent_axis(axes, "test accuracy")
    panels[0].set_xlabel("size of the test examples")
    panels[1].set_xlabel("multiples of the trained iterations")
    if panels[0].lines:
        panels[0].legend(frameon=False, fontsize=8, loc="lower left")
    return figure
