"""Figures of the experiment `features`."""

from typing import Any

import numpy as np

from keras_recur._plot_style import (
    band,
    color_of,
    integer_ticks,
    label,
    new_figure,
    percent_axis,
)
from keras_recur.analysis import PreferredImages, plot_preferred_images
from keras_recur.runs.entry import TWINS

PANELS = {
    "twins": "recurrent x feed-forward",
    "recurrent seeds": "recurrent x recurrent",
    "feedforward seeds": "feed-forward x feed-forward",
    "untrained": "recurrent x untrained",
}
_PREFERRED = (
    "images",
    "activations",
    "natural",
    "examples",
    "natural_images",
    "silent",
)


def level(matrix: list[list[float]]) -> float:
    """Return the mean similarity of states of equal iterations, without the first."""
    return float(np.nanmean(np.diag(np.array(matrix, "float64"))[1:]))


def similarities(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each kind of similarity that was measured, in order."""
    together = results.get("together", {})
    return {kind: together[kind] for kind in PANELS if kind in together}


def probes_of(found: dict[str, Any]) -> list[str]:
    """Return the names of the probes of a run or a summary. The first is the main."""
    return [name for name in found if name.startswith("probe_")]


def _runs(results, name):
    return [r for r in results["runs"] if r["network"] == name and r["importance"]]


def probes(results: dict[str, Any]) -> Any:
    """Draw what probes read, with the heads and the untrained networks."""
    keys = probes_of(results["runs"][0])
    figure, panels = new_figure(columns=len(keys), title=_where(results))
    for axes, key in zip(panels, keys, strict=True):
        _twins(axes, results, key, 100)
        for name in TWINS:
            _curve(axes, results, name, "head", 100, color=color_of(name), ls=":")
        pixels = results.get("together", {}).get("pixels")
        if pixels is not None:
            axes.axhline(100 * pixels, color="0.6", ls=":", lw=1)
        percent_axis(axes, "test accuracy")
    if panels[0].lines:
        panels[0].legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def importance(results: dict[str, Any]) -> Any:
    """Draw the importance of channels for the first seed."""
    figure, panels = new_figure(columns=2, title=_where(results), grid=False)
    first = {name: _runs(results, name)[:1] for name in TWINS}
    tables = {n: np.array(runs[0]["importance"]) for n, runs in first.items() if runs}
    top = max((100 * abs(t).max() for t in tables.values()), default=1) or 1
    for axes, name in zip(panels, TWINS, strict=True):
        axes.set_title(label(name), fontsize=9)
        if name not in tables:
            continue
        cells = 100 * tables[name].T
        cells = cells[np.argsort(cells.argmax(axis=1), kind="stable")]
        extent = (0.5, cells.shape[1] + 0.5, len(cells) + 0.5, 0.5)
        image = axes.imshow(
            cells, vmin=-top, vmax=top, cmap="RdBu_r", aspect="auto", extent=extent
        )
        axes.set_xlabel("iteration")
        integer_ticks(axes.xaxis)
        figure.colorbar(image, ax=axes, label="points lost")
    panels[0].set_ylabel("channel, by its largest loss")
    return figure


def similarity(results: dict[str, Any]) -> Any:
    """Draw the mean similarity of states."""
    found = similarities(results)
    size = (0.8 + 3 * max(1, len(found)), 3.2)
    figure, panels = new_figure(
        max(1, len(found)), size=size, grid=False, title=_where(results)
    )
    image = None
    for axes, (kind, rows) in zip(panels, found.items(), strict=False):
        matrices = np.array([row["matrix"] for row in rows], "float64")
        image = axes.imshow(matrices.mean(axis=0), vmin=0, vmax=1, cmap="viridis")
        axes.set_title(PANELS[kind], fontsize=9)
        axes.set_xlabel("iteration")
        integer_ticks(axes.xaxis, axes.yaxis)
    if image is not None:
        panels[0].set_ylabel("iteration")
        figure.colorbar(image, ax=panels, label="debiased CKA")
    return figure


def preferred(results: dict[str, Any], found: dict[str, Any]) -> Any:
    """Draw the preferred images of one network."""
    arrays = [np.array(found[name]) for name in _PREFERRED]
    images = PreferredImages(found["channels"], found["iterations"], *arrays)
    return plot_preferred_images(images, title=_where(results))


def dynamics(results: dict[str, Any]) -> Any:
    """Draw changes of the state and growth of disturbances."""
    figure, panels = new_figure(columns=2, title=_where(results))
    for axes, key in zip(panels, ("change", "growth"), strict=True):
        _twins(axes, results, key)
    panels[0].set_ylabel("|change| / |state|")
    panels[1].set_ylabel("growth of a disturbance")
    if panels[0].lines:
        panels[0].legend(frameon=False, fontsize=8)
    return figure


def _twins(axes, results, key, scale=1):
    """Draw a curve of both twins, and in gray those of the untrained networks."""
    for name, style in zip(TWINS, ("-", "--"), strict=True):
        shown = {"color": color_of(name), "marker": "o", "label": label(name)}
        _curve(axes, results, name, key, scale, **shown)
        _curve(axes, results, name, f"untrained_{key}", scale, color="0.6", ls=style)
    axes.set_xlabel("iteration")
    integer_ticks(axes.xaxis)


def _curve(axes, results, name, key, scale, **style):
    runs = _runs(results, name)
    if runs:
        rows = [[None if v is None else scale * v for v in r[key]] for r in runs]
        # Some curves begin with the first iteration, others before it.
        band(axes, runs[0]["iterations"][-len(rows[0]) :], rows, **style)


def _where(results):
    settings = results["settings"]
    return f"{settings['family']} on {settings['data']}"
