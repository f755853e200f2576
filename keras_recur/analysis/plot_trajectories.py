"""Plot the paths of states in the plane of their principal components."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import label, new_figure, save
from keras_recur._validation import check_type
from keras_recur.analysis.trajectories import Trajectories

_MOST_PATHS = 20  # Of single examples.


def plot_trajectories(
    found: Mapping[str, Trajectories],
    path: str | Path | None = None,
    title: str = "",
) -> Any:
    """Plot results of `trajectories`, with one panel per network.

    Lines are the mean paths of classes, or the paths of the first 20 examples. They
    have a dot per iteration and a square at the end. Small dots are the last states of
    the examples. The axes name the share of the variance of each component.

    Args:
        found: A `Trajectories` by the name of its network, such as `"recurrent"` and
            `"untrained"`.
        path: PNG file to write. Defaults to `None`.
        title: Title of the figure. Defaults to `""` (none).

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no result, or a result has one component only.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "mlp", input_shape=(4, 4, 1), num_classes=2, width=8, iterations=3
    ... )
    >>> x = np.random.default_rng(0).normal(size=(20, 4, 4, 1)).astype("float32")
    >>> data = x, np.arange(20) % 2
    >>> found = keras_recur.analysis.trajectories(pair.recurrent, data)
    >>> figure = keras_recur.analysis.plot_trajectories({"recurrent": found})
    """
    check_type("found", found, Mapping, "a dictionary of results by name")
    check_type("title", title, str, "a string")
    if not found:
        raise ValueError("`found` must hold one result or more. Received: none.")
    for name, one in found.items():
        check_type("found", name, str, "named by strings")
        check_type("found", one, Trajectories, "a dictionary of Trajectories")
        if one.points.shape[-1] < 2:
            raise ValueError(
                "`found` must hold results with two components or more. Received: "
                f"{name!r} with {one.points.shape[-1]}."
            )
    count = len(found)
    figure, panels = new_figure(
        count, size=(1 + 3.6 * count, 4.1), grid=False, title=title
    )
    classes = sorted({c for one in found.values() for c in one.classes})
    colors = _colors(len(classes) or _MOST_PATHS)
    for axes, (name, one) in zip(panels, found.items(), strict=True):
        _draw(axes, one, [colors[classes.index(c)] for c in one.classes] or colors)
        axes.set_title(
            f"{label(name)}\nstraightness {one.straightness:.2f}",
            fontsize=9,
            loc="left",
        )
    if classes and len(classes) <= 10:
        _legend(figure, classes, colors)
    return save(figure, path)


def _colors(count):
    from matplotlib import colormaps

    if count <= 10:
        return [colormaps["tab10"](i) for i in range(count)]
    return [colormaps["turbo"](share) for share in np.linspace(0.05, 0.95, count)]


def _draw(axes, one, colors):
    paths = one.paths[:_MOST_PATHS] if one.labels is None else one.paths
    for line, color in zip(paths, colors, strict=False):
        axes.plot(*line.T[:2], color=color, marker="o", ms=3, lw=1.2)
        axes.plot(*line[-1, :2], color=color, marker="s", ms=6)
    if one.labels is not None:
        place = {c: color for c, color in zip(one.classes, colors, strict=True)}
        shades = [place[c] for c in one.labels.tolist()]
        axes.scatter(*one.points[-1].T[:2], c=shades, s=4, alpha=0.35, lw=0, zorder=0)
    first, second = 100 * one.explained[:2]
    axes.set_xlabel(f"component 1 ({first:.0f} % of the variance)")
    axes.set_ylabel(f"component 2 ({second:.0f} %)")


def _legend(figure, classes, colors):
    from matplotlib.lines import Line2D

    marks: list[Any] = [
        Line2D([], [], color=color, marker="s", label=f"class {c}")
        for c, color in zip(classes, colors, strict=True)
    ]
    figure.legend(
        handles=marks,
        loc="outside lower center",
        ncols=min(5, len(marks)),
        frameon=False,
        fontsize=8,
    )
