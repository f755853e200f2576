"""Plot accuracy over iterations for several networks and input sizes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import save
from keras_recur._validation import check_string
from keras_recur.analysis._iteration_axes import iteration_axes
from keras_recur.analysis._logits import check_array

_COLORS = ("#1f6fb2", "#d1662b", "#2a8f5a", "#b8467c", "#7a5195", "0.35")
_LINES = ("-", "--", "-.", ":")


def plot_iteration_curves(
    curves: Mapping[str, Any],
    trained: int | None = None,
    score: str = "accuracy",
    path: str | Path | None = None,
) -> Any:
    """Plot results of `iteration_curve`, one line per curve.

    Args:
        curves: Scores after 1, 2, ... iterations, by name. Curves with the same name up
            to a comma, such as "recurrent, size 9" and "recurrent, size 13", have the
            same color, and later ones are lighter.
        trained: Number of trained iterations, which are shaded. Defaults to `None`
            (no shading).
        score: Name of the scores on the axis. Defaults to `"accuracy"`.
        path: PNG file to write. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no curve, a curve is not a list of numbers, or `trained`
            is not a positive integer.

    Reference:
        [Schwarzschild et al. 2021](https://arxiv.org/abs/2106.04537), Figure 4.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> test = keras_recur.data.load("prefix_sums", "test", num_examples=20, size=8)
    >>> curves = {
    ...     "recurrent": keras_recur.analysis.iteration_curve(pair.recurrent, test, 6),
    ...     "twin": keras_recur.analysis.iteration_curve(pair.feedforward, test),
    ... }
    >>> figure = keras_recur.analysis.plot_iteration_curves(curves, trained=3)
    """
    found = _checked(curves)
    check_string("score", score)
    last = max(map(len, found.values()))
    figure, axes = iteration_axes(last, trained, score)
    kinds: dict[str, int] = {}
    for name, values in found.items():
        kind = name.partition(",")[0]
        shade = kinds[kind] = kinds.get(kind, -1) + 1
        number = list(kinds).index(kind)
        axes.plot(
            np.arange(1, len(values) + 1),
            100 * values,
            color=_COLORS[number % len(_COLORS)],
            ls=_LINES[number % len(_LINES)],
            alpha=(1, 0.65, 0.4, 0.25)[min(shade, 3)],
            marker=".",
            label=name,
        )
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return save(figure, path)


def _checked(curves):
    if not isinstance(curves, Mapping) or not curves:
        raise ValueError(
            "`curves` must be a dictionary from names to curves, such as "
            f"{{'recurrent': iteration_curve(...)}}. Received: curves={curves!r}."
        )
    found = {}
    for name, curve in curves.items():
        values = check_array(f"curves[{name!r}]", curve)
        if values.ndim != 1 or not len(values):
            raise ValueError(
                "`curves` must hold lists with one number per iteration, as "
                f"`iteration_curve` returns them. Received for {name!r}: shape "
                f"{values.shape}."
            )
        found[str(name)] = values
    return found
