"""Plots of a search. Matplotlib is imported when one is drawn, not before."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._files import check_path
from keras_recur._plot_style import new_figure, save
from keras_recur._validation import check_type
from keras_recur.tuning._equal_macs import (
    by_iterations,
    equal_macs_groups,
    kept_to_one_amount,
)
from keras_recur.tuning._labels import place_labels
from keras_recur.tuning._names import amount, look, sharing_label, sharings, short_name
from keras_recur.tuning.search_result import SearchResult

_COST_NAMES = {
    "macs": "MACs of one example",
    "parameters": "parameters",
    "activation_bytes": "activations of one example, in training",
    "peak_memory": "peak memory",
}
_GRID = (
    "Mean score of every width and number of iterations. Where a cell was tried with "
    "several learning rates, of the best. Lines: equal MACs. A fraction below a score "
    "says how many of its seeds finished; the others count as guessing. Hatched cells "
    "have none that did. Dots: not run."
)
_PARETO = (
    "Score against cost, mean ± standard error over seeds. Stepped line: the front, "
    "which no other configuration beats; its members have names (w: width, "
    "t: iterations)."
)
_EQUAL = (
    "At about equal MACs: score against the number of iterations, mean ± standard "
    "error over seeds. More iterations go with less width, as written below."
)


def draw_search(result: SearchResult, folder: str | Path) -> list[tuple[str, str]]:
    """Draws every plot that a search allows.

    Args:
        result: What the search has found.
        folder: Where the PNG files go.

    Returns:
        `(file name, caption)` of each. Without a finished run there are fewer, or none.

    Example:

    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> rows = [
    ...     {"configuration": f"w{width}-t2-all", "width": width, "iterations": 2,
    ...      "sharing": "all", "macs": 10 * width**2, "seed": 0,
    ...      "status": "finished", "accuracy": 1 - 1 / width}
    ...     for width in (4, 8)
    ... ]
    >>> result = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, rows)
    >>> drawn = keras_recur.tuning.draw_search(result, "plots")
    >>> [name for name, caption in drawn]
    ['grid.png', 'pareto.png']
    """
    _check_result(result)
    folder = check_path("folder", folder)
    pictures = []
    for name, plot, caption in (
        ("grid.png", plot_grid, _GRID),
        ("pareto.png", plot_pareto, _PARETO),
        ("equal_macs.png", plot_equal_macs, _EQUAL),
    ):
        figure = plot(result)
        if figure is None:
            continue
        save(figure, Path(folder) / name)
        pictures.append((name, caption))
    return pictures


def plot_grid(result: SearchResult) -> Any:
    """Mean score over width and iterations, a panel per sharing.

    Args:
        result: What the search has found.

    Returns:
        A `matplotlib.figure.Figure`, or `None` of a search without runs.

    Example:

    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> rows = [
    ...     {"configuration": f"w{width}-t{steps}-all", "width": width,
    ...      "iterations": steps, "sharing": "all", "macs": steps * width**2,
    ...      "seed": 0, "status": "finished", "accuracy": 1 - 1 / width}
    ...     for width, steps in ((4, 4), (8, 1))
    ... ]
    >>> result = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, rows)
    >>> figure = keras_recur.tuning.plot_grid(result)
    """
    from matplotlib.colors import Normalize

    _check_result(result)
    every = result.configurations()
    if not every:
        return None
    widths = sorted({c["width"] for c in every})
    steps = sorted({c["iterations"] for c in every})
    kinds = sharings(every)
    # Cells have room for their numbers, panels for their titles, and the page for all.
    cell = 0.62 if len(steps) < 9 else 0.42
    size = max(2.3, cell * len(steps)), max(1.6, 0.75 * cell * len(widths))
    columns = min(3, len(kinds), max(1, int(11 / size[0])))
    lines = -(-len(kinds) // columns)
    figure, panels = new_figure(
        columns,
        lines,
        (1.6 + (size[0] + 0.3) * columns, 0.8 + (size[1] + 0.6) * lines),
        grid=False,
        sharex=True,
        sharey=True,
    )
    scores = [100 * c["accuracy"] for c in every if c["finished"]]
    scale = Normalize(min(scores, default=0), max(scores, default=1))
    levels, image = _levels(every), None
    for axes, kind in zip(panels, kinds, strict=False):
        cells = _cells([c for c in every if c["sharing"] == kind])
        drawn = _draw_cells(axes, cells, widths, steps, scale)
        image = drawn if scores else image
        _draw_equal_macs(axes, cells, widths, steps, levels)
        axes.set_title(sharing_label(kind), fontsize=9, loc="left")
        axes.set_xticks(range(len(steps)), map(str, steps))
        axes.set_yticks(range(len(widths)), map(str, widths))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    for axes in panels[len(kinds) :]:
        axes.remove()
    figure.supxlabel("iterations", fontsize=10)
    figure.supylabel("width", fontsize=10)
    figure.suptitle(_title(result, "mean"), x=0.01, ha="left", fontsize=11)
    if image is not None:
        bar = figure.colorbar(image, ax=panels[: len(kinds)], pad=0.02)
        bar.set_label(f"validation {result.score} (%)")
        bar.outline.set_visible(False)
    return figure


def plot_pareto(result: SearchResult) -> Any:
    """Score against MACs, parameters and memory, with the fronts.

    Args:
        result: What the search has found.

    Returns:
        A `matplotlib.figure.Figure`, or `None` without a finished run.

    Example:

    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> rows = [
    ...     {"configuration": f"w{width}-t{steps}-all", "width": width,
    ...      "iterations": steps, "sharing": "all", "macs": steps * width**2,
    ...      "seed": 0, "status": "finished", "accuracy": 1 - 1 / width}
    ...     for width, steps in ((4, 4), (8, 1))
    ... ]
    >>> result = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, rows)
    >>> figure = keras_recur.tuning.plot_pareto(result)
    """
    _check_result(result)
    every = result.configurations()
    kinds = sharings(every)
    done = every
    costs = [key for key in _COST_NAMES if any(c[key] for c in done)]
    if not costs or not any(c["finished"] for c in done):
        return None
    columns = min(2, len(costs))
    lines = -(-len(costs) // columns)
    size = 4.8 * columns, 0.7 + 3.6 * lines
    figure, panels = new_figure(columns, lines, size, sharey=True)
    later = []
    for axes, cost in zip(panels, costs, strict=False):
        known = [c for c in done if c[cost]]
        front = [c for c in result.pareto(cost) if c[cost]]
        corners = _corners(front, cost, max(c[cost] for c in known))
        axes.plot(*zip(*corners, strict=True), color="0.55", lw=1.2, zorder=1)
        for kind in kinds:
            _draw_points(axes, [c for c in known if c["sharing"] == kind], cost, kinds)
        unit = "B" if cost in ("activation_bytes", "peak_memory") else ""
        _amounts(axes, [c[cost] for c in known], unit)
        axes.set_xlabel(_COST_NAMES[cost])
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(f"validation {result.score} (%)")
        places = [(c[cost], 100 * c["accuracy"]) for c in known]
        names = [(c[cost], 100 * c["accuracy"], short_name(c)) for c in front]
        later.append((axes, names, places, corners))
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high + 0.12 * (high - low))
    _legend(figure, kinds, next(iter(panels[len(costs) :]), None))
    figure.suptitle(_title(result), x=0.01, ha="left", fontsize=11)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, names, places, corners in later:
        place_labels(axes, names, places, corners)
    return figure


def plot_equal_macs(result: SearchResult) -> Any:
    """Score over iterations at equal MACs, for the three largest groups.

    Args:
        result: What the search has found.

    Returns:
        A `matplotlib.figure.Figure`, or `None` where no two finished configurations
        have about equal MACs and different iterations.

    Example:

    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> rows = [
    ...     {"configuration": f"w{width}-t{steps}-all", "width": width,
    ...      "iterations": steps, "sharing": "all", "macs": steps * width**2,
    ...      "seed": 0, "status": "finished", "accuracy": 1 - 1 / width}
    ...     for width, steps in ((4, 4), (8, 1))
    ... ]
    >>> result = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, rows)
    >>> figure = keras_recur.tuning.plot_equal_macs(result)
    """
    _check_result(result)
    every = result.configurations()
    groups = equal_macs_groups(every, kept_to_one_amount(result.content))[:3]
    if not groups:
        return None
    groups.sort(key=lambda group: group[0]["macs"])
    kinds = sharings(every)
    size = max(6.4, 1.2 + 2.8 * len(groups)), 4
    figure, panels = new_figure(len(groups), size=size, sharey=True)
    for axes, group in zip(panels, groups, strict=True):
        for kind in kinds:
            found = by_iterations(group, kind)
            if found:
                axes.errorbar(
                    [c["iterations"] for c in found],
                    [100 * c["accuracy"] for c in found],
                    [100 * (c["standard_error"] or 0) for c in found],
                    capsize=3,
                    ms=5,
                    ls="--" if kind == "none" else "-",
                    label=sharing_label(kind),
                    **look(kind, kinds),
                )
        steps = sorted({c["iterations"] for c in group})
        axes.set_xscale("log", base=2)
        names = [f"{t}\n{_widths(group, t)}" for t in steps]
        room = _with_room(steps, 12 if len(groups) == 1 else 6)
        names = [
            name if t in room else "" for name, t in zip(names, steps, strict=True)
        ]
        axes.set_xticks(steps, names, fontsize=8)
        axes.set_xticks([], minor=True)
        axes.margins(x=0.1)
        axes.set_title(f"{_span(group)} MACs", fontsize=10)
        axes.set_xlabel("iterations, and width (w)")
    panels[0].set_ylabel(f"validation {result.score} (%)")
    _legend(figure, kinds)
    figure.suptitle(_title(result), x=0.01, ha="left", fontsize=11)
    return figure


def _check_result(result):
    check_type("result", result, SearchResult, "a `tuning.SearchResult`")


def _cells(configurations):
    """What stands in each cell of the grid: the best of its configurations."""
    cells: dict[tuple[int, int], dict[str, Any]] = {}
    for found in configurations:
        place = found["width"], found["iterations"]
        known = cells.get(place)
        if known is None or found["accuracy"] > known["accuracy"]:
            cells[place] = found
    return cells


def _draw_cells(axes, cells, widths, steps, scale):
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    colors = colormaps["viridis"]
    values = np.full((len(widths), len(steps)), np.nan)
    for i, width in enumerate(widths):
        for j, count in enumerate(steps):
            found = cells.get((width, count))
            if found is None:
                box = Rectangle((j - 0.5, i - 0.5), 1, 1, fc="0.97", ec="white", lw=1)
                axes.add_patch(box)
                axes.text(j, i, "\N{MIDDLE DOT}", color="0.5", **_CENTER)
            elif not found["finished"]:
                box = Rectangle(
                    (j - 0.5, i - 0.5), 1, 1, fc="0.93", ec="0.75", hatch="///", lw=0
                )
                axes.add_patch(box)
                name = max(found["statuses"], key=found["statuses"].get)
                text = name.replace("out of memory", "out of\nmemory")
                text += f"\n{100 * found['accuracy']:.1f}"
                axes.text(j, i, text, **_SMALL, **_on("0.93", "0.25"))
            else:
                values[i, j] = 100 * found["accuracy"]
                place = scale(values[i, j])
                ink = _on(colors(place), "white" if place < 0.55 else "black")
                axes.text(j, i, f"{values[i, j]:.1f}", **_CENTER, **ink)
                if found["failed"]:
                    seeds = f"{found['finished']}/{sum(found['statuses'].values())}"
                    axes.text(j, i - 0.34, seeds, **_SMALL, **ink)
    return axes.imshow(
        np.ma.masked_invalid(values),
        origin="lower",
        aspect="auto",
        norm=scale,
        cmap=colors,
    )


_CENTER = {"ha": "center", "va": "center", "fontsize": 8, "zorder": 5}
_SMALL = _CENTER | {"fontsize": 6}


def _on(ground, ink):
    """Text that stands on the colour of its cell, above the lines."""
    return {"color": ink, "bbox": {"fc": ground, "ec": "none", "pad": 0.8}}


def _draw_equal_macs(axes, cells, widths, steps, levels):
    """Lines of equal MACs, where most cells are known."""
    from matplotlib.patheffects import withStroke

    macs = np.full((len(widths), len(steps)), np.nan)
    for (width, count), found in cells.items():
        if found["macs"]:
            macs[widths.index(width), steps.index(count)] = np.log10(found["macs"])
    known = np.isfinite(macs)
    if min(macs.shape) < 2 or known.sum() < max(4, 0.6 * macs.size):
        return
    # The lines go on to the borders of the outer cells.
    macs = _to_borders(_to_borders(macs).T).T
    x, y = ([-0.5, *range(n), n - 0.5] for n in (len(steps), len(widths)))
    low, high = np.nanmin(macs), np.nanmax(macs)
    shown = [level for level in np.log10(levels) if low < level < high]
    if not shown:
        return
    lines = axes.contour(
        x,
        y,
        np.ma.masked_invalid(macs),
        shown,
        colors="white",
        linewidths=1,
        linestyles="-",
    )
    lines.set_path_effects([withStroke(linewidth=2, foreground="0.25", alpha=0.5)])
    places = []
    for paths in lines.allsegs:
        parts = [np.linspace(a, b, 20) for path in paths for a, b in pairwise(path)]
        # Between cells that are not known a line may be missing.
        if parts:
            points = np.concatenate(parts)
            places.append(_free_place(points, len(steps), len(widths)))
    for text in axes.clabel(
        lines, fmt=lambda v: amount(10**v), fontsize=7, manual=places, zorder=6
    ):
        text.set_path_effects([withStroke(linewidth=2, foreground="0.25")])


def _free_place(points, columns, rows):
    """Where on a line a label covers no number; these are in the middle of cells."""
    off = np.abs(points - np.round(points)) / (0.55, 0.3)
    last = np.array([columns, rows]) - 1
    middle = np.abs(points / np.maximum(last, 1) - 0.5).max(axis=1)
    outside = ((points < -0.25) | (points > last + 0.25)).any(axis=1)
    free = np.minimum(off.max(axis=1), 1) - 0.1 * middle - outside
    return tuple(points[np.argmax(free)])


def _to_borders(values):
    """A row more at both ends, half a step further on."""
    first, last = 1.5 * values[0] - 0.5 * values[1], 1.5 * values[-1] - 0.5 * values[-2]
    return np.vstack([first, values, last])


def _levels(every):
    """Round numbers of MACs between the least and the most, three or more if any."""
    macs = [c["macs"] for c in every if c["macs"]]
    if not macs:
        return []
    decades = [10.0**power for power in range(16)]
    found: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        found = [
            d * f for d in decades for f in factors if min(macs) < d * f < max(macs)
        ]
        if len(found) >= 3:
            break
    return found


def _corners(front, cost, last):
    """Where the steps of the front turn; it ends at the most expensive."""
    corners: list[tuple[float, float]] = []
    for found in front:
        if corners:
            corners.append((found[cost], corners[-1][1]))
        corners.append((found[cost], 100 * found["accuracy"]))
    return [*corners, (last, corners[-1][1])]


def _draw_points(axes, found, cost, kinds):
    if found:
        axes.errorbar(
            [c[cost] for c in found],
            [100 * c["accuracy"] for c in found],
            [100 * (c["standard_error"] or 0) for c in found],
            ls="",
            ms=5,
            mec="white",
            mew=0.5,
            elinewidth=1,
            label=sharing_label(found[0]["sharing"]),
            **look(found[0]["sharing"], kinds),
        )


def _amounts(axes, values, unit):
    """A logarithmic axis whose ticks are written as amounts."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    decades = np.log10(max(values) / min(values))
    subs = (1, 2, 5) if decades < 2 else (1, 3) if decades < 4 else (1,)
    if decades < 0.8:  # With too few ticks matplotlib falls back to its own, crowded.
        subs = (1, 2, 3, 4, 6, 8)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: amount(v, unit)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08)


def _legend(figure, kinds, free=None):
    """One legend for all panels: below them, or where a panel is free."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", ms=6, label=sharing_label(kind), **look(kind, kinds))
        for kind in kinds
    ]
    kept = {"handles": handles, "fontsize": 9, "frameon": False}
    if free is None:
        columns = min(4, len(kinds))
        figure.legend(loc="outside lower center", ncols=columns, **kept)
    else:
        free.set_axis_off()
        free.legend(loc="upper left", **kept)


def _with_room(steps, most):
    """The numbers whose names have room on a logarithmic axis, the ends first."""
    least = np.log(steps[-1] / steps[0]) / most
    found = [steps[0], steps[-1]]
    for step in steps[1:-1]:
        if all(abs(np.log(step / other)) >= least for other in found):
            found.append(step)
    return found


def _widths(group, iterations):
    found = [c["width"] for c in group if c["iterations"] == iterations]
    few, many = min(found), max(found)
    return f"w {few}" if few == many else f"w {few}-{many}"


def _span(group):
    few, many = (amount(end(c["macs"] for c in group)) for end in (min, max))
    return few if few == many else f"{few} to {many}"


def _title(result, what="mean ± standard error"):
    every = result.configurations()
    counts = {c["finished"] + c["failed"] for c in every}
    failed = sum(c["failed"] for c in every)
    few, many = min(counts, default=0), max(counts, default=0)
    seeds = f"{few} to {many} seeds" if few != many else f"{many} seeds"
    text = f"{what} of {seeds}"
    if many < 2:
        text = "one seed"
    if not any(c["finished"] for c in every):
        text = "no finished run"
    elif failed:
        text += f", {failed} of {len(result.rows)} runs failed"
    return f"{result.content['name']}: {text}"
