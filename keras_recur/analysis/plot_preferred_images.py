"""Plot the images that excite filters most."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import new_figure, save
from keras_recur._validation import check_type
from keras_recur.analysis.preferred_images import PreferredImages


def plot_preferred_images(
    found: PreferredImages, path: str | Path | None = None, title: str = ""
) -> Any:
    """Plot preferred images: two rows per filter, a column per iteration.

    The first row shows the images that were made, the second one the best images of the
    data. The number above an image is its activation, divided by that of the best image
    of the data. The table on the right has this number for the image of each iteration
    (row) after each iteration (column). Silent filters are crossed out.

    Args:
        found: A `PreferredImages`.
        path: PNG file to write. Defaults to `None`.
        title: Title of the figure. Defaults to `""` (none).

    Returns:
        A `matplotlib.figure.Figure`.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "mlp", input_shape=(6, 6, 1), num_classes=3, width=4, iterations=2
    ... )
    >>> x = np.random.default_rng(0).uniform(size=(20, 6, 6, 1)).astype("float32")
    >>> found = keras_recur.analysis.preferred_images(
    ...     pair.recurrent, x, channels=2, steps=3
    ... )
    >>> figure = keras_recur.analysis.plot_preferred_images(found)
    """
    check_type("found", found, PreferredImages, "a result of `preferred_images`")
    check_type("title", title, str, "a string")
    filters, times = found.silent.shape
    size = (0.6 + 1.3 * (times + 1), 0.6 + 2.8 * filters)
    figure, panels = new_figure(times + 1, 2 * filters, size, grid=False, title=title)
    shown = np.stack([found.images, found.natural_images], axis=1)
    low, high = shown.min(), shown.max()
    shown = (shown - low) / max(high - low, 1e-30)
    relative = found.relative
    for i, axes in enumerate(panels):
        row, t = divmod(i, times + 1)
        c, natural = divmod(row, 2)
        axes.set_xticks([])
        axes.set_yticks([])
        if t == times:
            _table(axes, None if natural else relative[c])
            continue
        image = shown[c, natural, t]
        if image.shape[-1] not in (1, 3):
            image = image.mean(axis=-1, keepdims=True)
        axes.imshow(np.squeeze(image, -1) if image.shape[-1] == 1 else image, "gray")
        if not natural:
            _title(axes, found.silent[c, t], relative[c, t, t])
        if t == 0:
            name = "best of the data" if natural else f"filter {found.channels[c]}"
            axes.set_ylabel(name, fontsize=8)
        if row == 2 * filters - 1:
            axes.set_xlabel(f"iteration {found.iterations[t]}", fontsize=8)
    return save(figure, path)


def _title(axes, silent, relative):
    if silent:
        axes.set_title("silent", fontsize=8)
        axes.plot([0, 1], [0, 1], transform=axes.transAxes, color="0.5")
    elif np.isfinite(relative):
        axes.set_title(f"{relative:.1f} x", fontsize=8)


def _table(axes, relative):
    """Draw how the image of each iteration (row) excites each iteration (column)."""
    if relative is None:
        axes.set_axis_off()
        return
    axes.imshow(relative, "Blues", vmin=0, vmax=2)
    size = 7 if len(relative) < 6 else 4
    for (t, u), value in np.ndenumerate(relative):
        if np.isfinite(value):
            color = "white" if value > 1.2 else "black"
            axes.text(
                u, t, f"{value:.1f}", ha="center", va="center", size=size, color=color
            )
