"""Plot what linear probes read from the states of several networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_recur._plot_style import (
    COLORS,
    band,
    integer_ticks,
    new_figure,
    percent_axis,
    save,
)
from keras_recur._validation import check_type
from keras_recur.analysis.separability import Separability


def plot_separability(
    found: Mapping[str, Separability | Sequence[Separability]],
    path: str | Path | None = None,
    title: str = "",
) -> Any:
    """Plot the accuracy of linear probes over the iterations.

    Lines with markers are probes, dotted lines the network's own head. Networks whose
    name begins with "untrained" are gray and dashed, and their heads are left out. The
    gray dotted line is the accuracy of a probe on the pixels, if it was measured.

    Args:
        found: A `Separability` by the name of its network, or a list of them, one per
            seed. Lines of several seeds are means with standard errors.
        path: PNG file to write. Defaults to `None`.
        title: Title of the figure. Defaults to `""` (none).

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no result.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "mlp", input_shape=(4, 4, 1), num_classes=2, width=8, iterations=3
    ... )
    >>> x = np.random.default_rng(0).normal(size=(100, 4, 4, 1)).astype("float32")
    >>> y = (x.mean(axis=(1, 2, 3)) > 0).astype(int)
    >>> found = keras_recur.analysis.separability(pair.recurrent, (x, y), (x, y))
    >>> figure = keras_recur.analysis.plot_separability({"recurrent": found})
    """
    check_type("found", found, Mapping, "a dictionary of results by name")
    check_type("title", title, str, "a string")
    seeds = {
        name: [rows] if isinstance(rows, Separability) else list(rows)
        for name, rows in found.items()
    }
    if not seeds or not all(seeds.values()):
        raise ValueError(
            f"`found` must hold one result or more per network. Received: {found!r}."
        )
    figure, (axes,) = new_figure(title=title)
    colors = COLORS * len(seeds)
    for (name, rows), color in zip(seeds.items(), colors, strict=False):
        x = rows[0].iterations
        style: dict[str, Any] = {"color": color}
        untrained = name.startswith("untrained")
        if untrained:
            style = {"color": "0.5", "linestyle": "--"}
        probes = [(100 * r.accuracy).tolist() for r in rows]
        band(axes, x, probes, label=name, marker="o", **style)
        if not untrained:
            heads = [(100 * r.head).tolist() for r in rows]
            band(axes, x, heads, linestyle=":", **style)
    pixels = [r.pixels for rows in seeds.values() for r in rows if r.pixels is not None]
    if pixels:
        level = 100 * sum(pixels) / len(pixels)
        axes.axhline(level, color="0.5", linestyle=":", lw=1, label="pixels")
    axes.set_xlabel("iteration")
    integer_ticks(axes.xaxis)
    percent_axis(axes, "accuracy of a linear probe")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return save(figure, path)
