"""Plot of the score over width and iterations."""

from itertools import pairwise
from typing import Any

import numpy as np

from keras_recur._plot_style import new_figure
from keras_recur.tuning._names import amount, sharing_label, sharings
from keras_recur.tuning._plot_parts import check_result, title
from keras_recur.tuning.search_result import SearchResult


def plot_grid(result: SearchResult) -> Any:
    """Plot the mean score over width and iterations, with one panel per sharing.

    Each cell shows the best learning rate.

    Args:
        result: Result of the search.

    Returns:
        A `matplotlib.figure.Figure`, or `None` if the search has no runs.

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

    check_result(result)
    every = result.configurations()
    if not every:
        return None
    widths = sorted({c["width"] for c in every})
    steps = sorted({c["iterations"] for c in every})
    kinds = sharings(every)
    # Size of a panel in inches, so that numbers and titles fit.
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
    figure.suptitle(title(result, "mean"), x=0.01, ha="left", fontsize=11)
    if image is not None:
        bar = figure.colorbar(image, ax=panels[: len(kinds)], pad=0.02)
        bar.set_label(f"validation {result.score} (%)")
        bar.outline.set_visible(False)
    return figure


def _cells(configurations):
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
    """Return the style of text that hides the lines behind it."""
    return {"color": ink, "bbox": {"fc": ground, "ec": "none", "pad": 0.8}}


def _draw_equal_macs(axes, cells, widths, steps, levels):
    """Draw lines of equal MACs if most cells are known."""
    from matplotlib.patheffects import withStroke

    macs = np.full((len(widths), len(steps)), np.nan)
    for (width, count), found in cells.items():
        if found["macs"]:
            macs[widths.index(width), steps.index(count)] = np.log10(found["macs"])
    known = np.isfinite(macs)
    if min(macs.shape) < 2 or known.sum() < max(4, 0.6 * macs.size):
        return
    # Extend the lines to the borders of the outer cells.
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
        # A line may be missing between unknown cells.
        if parts:
            points = np.concatenate(parts)
            places.append(_free_place(points, len(steps), len(widths)))
    for text in axes.clabel(
        lines, fmt=lambda v: amount(10**v), fontsize=7, manual=places, zorder=6
    ):
        text.set_path_effects([withStroke(linewidth=2, foreground="0.25")])


def _free_place(points, columns, rows):
    """Return the point of a line whose label hides no score."""
    off = np.abs(points - np.round(points)) / (0.55, 0.3)
    last = np.array([columns, rows]) - 1
    middle = np.abs(points / np.maximum(last, 1) - 0.5).max(axis=1)
    outside = ((points < -0.25) | (points > last + 0.25)).any(axis=1)
    free = np.minimum(off.max(axis=1), 1) - 0.1 * middle - outside
    return tuple(points[np.argmax(free)])


def _to_borders(values):
    """Extrapolate by half a step at both ends."""
    first, last = 1.5 * values[0] - 0.5 * values[1], 1.5 * values[-1] - 0.5 * values[-2]
    return np.vstack([first, values, last])


def _levels(every):
    """Return round numbers of MACs, at least three if possible."""
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
