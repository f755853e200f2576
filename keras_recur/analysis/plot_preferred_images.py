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
    """Plot preferred images: a row per filter, a column per iteration.

    The number above an image is its activation, divided by that of the best image of
    the data. Silent filters, whose image shows noise, are crossed out.

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
    rows, columns = found.silent.shape
    size = (0.6 + 1.3 * columns, 0.6 + 1.45 * rows)
    figure, panels = new_figure(columns, rows, size, grid=False, title=title)
    low, high = found.images.min(), found.images.max()
    shown = (found.images - low) / max(high - low, 1e-30)
    relative = found.relative.diagonal(axis1=1, axis2=2)
    for i, axes in enumerate(panels):
        c, t = divmod(i, columns)
        image = shown[c, t]
        if image.shape[-1] not in (1, 3):
            image = image.mean(axis=-1, keepdims=True)
        axes.imshow(np.squeeze(image, -1) if image.shape[-1] == 1 else image, "gray")
        axes.set_xticks([])
        axes.set_yticks([])
        if found.silent[c, t]:
            axes.set_title("silent", fontsize=8)
            axes.plot([0, 1], [0, 1], transform=axes.transAxes, color="0.5")
        elif np.isfinite(relative[c, t]):
            axes.set_title(f"{relative[c, t]:.1f} x", fontsize=8)
        if t == 0:
            axes.set_ylabel(f"filter {found.channels[c]}", fontsize=8)
        if c == rows - 1:
            axes.set_xlabel(f"iteration {found.iterations[t]}", fontsize=8)
    return save(figure, path)
