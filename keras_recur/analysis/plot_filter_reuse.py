"""Plot in which iterations filters matter."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import color_of, integer_ticks, label, new_figure, save
from keras_recur._validation import check_type
from keras_recur.analysis.filter_reuse import FilterReuse

Results = FilterReuse | Sequence[FilterReuse]


def plot_filter_reuse(
    found: Results | Mapping[str, Results],
    path: str | Path | None = None,
    title: str = "",
) -> Any:
    """Plot results of `filter_reuse`: importance, its extent, and rank correlations.

    Each network has a row of panels. They show the importance of every channel in every
    iteration, with channels sorted by the iteration of their maximum; the share of
    channels by the number of iterations in which they matter; and the rank correlation
    of the importance in two iterations.

    Args:
        found: A `FilterReuse`, a list of them with one per seed, or a dictionary of
            either by the name of the network, such as `"recurrent"` and
            `"feedforward"`. The first panel shows the first seed. The others show means
            over seeds.
        path: PNG file to write. Defaults to `None`.
        title: Title of the figure. Defaults to `""` (none).

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no result, if channels were not ablated, or if results
            of one network have different iterations.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "convnet", input_shape=(20, 20, 1), num_classes=3, width=4, iterations=2
    ... )
    >>> data = np.random.default_rng(0).normal(size=(20, 20, 20, 1)), np.arange(20) % 3
    >>> found = keras_recur.analysis.filter_reuse(pair.recurrent, data)
    >>> figure = keras_recur.analysis.plot_filter_reuse({"recurrent": found})
    """
    networks = _checked(found)
    check_type("title", title, str, "a string")
    rows = len(networks)
    figure, panels = new_figure(
        3, rows, (11.5, 0.6 + 3.2 * rows), grid=False, title=title
    )
    top = max(100 * abs(s[0].importance).max() for s in networks.values()) or 1.0
    for i, (name, seeds) in enumerate(networks.items()):
        cells, times, ranks = panels[3 * i : 3 * i + 3]
        heat = _draw_importance(cells, seeds[0], top)
        figure.colorbar(heat, ax=cells, label="loss of accuracy (points)")
        _draw_times(times, seeds, color_of(name) if name else None)
        heat = _draw_correlation(ranks, seeds)
        figure.colorbar(heat, ax=ranks, label="rank correlation")
        cells.set_title(label(name), fontsize=10, loc="left")
    return save(figure, path)


def _checked(found):
    if not isinstance(found, Mapping):
        found = {"": found}
    networks = {}
    for name, seeds in found.items():
        seeds = [seeds] if isinstance(seeds, FilterReuse) else seeds
        if not isinstance(seeds, list | tuple) or not seeds:
            raise ValueError(
                "`found` must be a FilterReuse, a list of them, or a dictionary of "
                f"either. Received: found={found!r}."
            )
        for one in seeds:
            check_type("found", one, FilterReuse, "a FilterReuse")
            if one.importance is None:
                raise ValueError(
                    "`found` must have the importance of channels. Received: a result "
                    "with ablate=None."
                )
            if one.iterations != seeds[0].iterations:
                raise ValueError(
                    "All results of a network in `found` must have the same "
                    f"iterations. Received: {seeds[0].iterations} and {one.iterations}."
                )
        networks[check_type("found", name, str, "named by strings")] = seeds
    if not networks:
        raise ValueError("`found` must have at least one result. Received: none.")
    return networks


def _draw_importance(axes, one, top):
    order = np.lexsort((-one.importance.max(axis=0), one.importance.argmax(axis=0)))
    image = axes.imshow(
        100 * one.importance[:, order].T,
        vmin=-top,
        vmax=top,
        cmap="RdBu_r",
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, len(one.iterations) + 0.5, len(order) + 0.5, 0.5),
    )
    _iterations(axes.set_xticks, one)
    axes.set_xlabel("iteration")
    axes.set_ylabel("channel, by its top iteration")
    integer_ticks(axes.yaxis)
    return image


def _draw_times(axes, seeds, color):
    count = len(seeds[0].iterations)
    shares = 100 * np.array(
        [
            np.bincount(s.matters.sum(axis=0), minlength=count + 1) / s.matters.shape[1]
            for s in seeds
        ]
    )
    error = None
    if len(seeds) > 1:
        error = shares.std(axis=0, ddof=1) / np.sqrt(len(seeds))
    axes.bar(range(count + 1), shares.mean(axis=0), 0.7, yerr=error, color=color)
    axes.set_ylim(0, 105)
    axes.set_xlabel("iterations in which a channel matters")
    axes.set_ylabel("channels (%)")
    integer_ticks(axes.xaxis)


def _draw_correlation(axes, seeds):
    """Draw the mean over seeds, without pairs that have no correlation."""
    every = np.stack([s.correlation for s in seeds])
    known = np.isfinite(every)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, every, 0).sum(axis=0) / known.sum(axis=0)
    count = len(mean)
    extent = (0.5, count + 0.5, count + 0.5, 0.5)
    image = axes.imshow(
        mean, vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest", extent=extent
    )
    for (i, j), value in np.ndenumerate(mean):
        if count <= 8 and np.isfinite(value):
            shade = "white" if abs(value) > 0.6 else "black"
            axes.text(
                j + 1, i + 1, f"{value:.2f}", ha="center", va="center", color=shade
            )
    _iterations(axes.set_xticks, seeds[0])
    _iterations(axes.set_yticks, seeds[0])
    axes.set_xlabel("iteration")
    axes.set_ylabel("iteration")
    return image


def _iterations(set_ticks, one):
    """Label the rows by the numbers of the iterations, at most ten of them."""
    step = -(-len(one.iterations) // 10)
    places = range(1, len(one.iterations) + 1, step)
    set_ticks(places, [str(one.iterations[i - 1]) for i in places])
