"""Statistics of time-specific batch normalization for each step."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur._plot_style import integer_ticks, new_figure, save
from keras_recur.analysis._logits import check_model
from keras_recur.layers import TimeSpecificBatchNormalization


@dataclasses.dataclass(frozen=True)
class BatchNormStatistics:
    """Moving statistics of one normalization layer at each step.

    Attributes:
        mean: Moving means, `(steps, channels)`.
        deviation: Square roots of the moving variances, `(steps, channels)`.
    """

    mean: np.ndarray
    deviation: np.ndarray


def batch_norm_statistics(model: keras.Model) -> dict[str, BatchNormStatistics]:
    """Return the means and standard deviations of time-specific batch normalization.

    Args:
        model: A model with `TimeSpecificBatchNormalization` in its loops.

    Returns:
        Dictionary from layer paths to `BatchNormStatistics`, in the model's order, with
        one step per application of the layer.

    Raises:
        ValueError: If the model has no such layer.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), Figure 5B.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "frnn", input_shape=(8, 8, 1), width=4, states=2
    ... )
    >>> found = keras_recur.analysis.batch_norm_statistics(pair.recurrent)
    >>> next(iter(found.values())).mean.shape
    (3, 4)
    """
    check_model(model)
    layers = {
        id(layer.moving_mean): layer
        for layer in model._flatten_layers()
        if isinstance(layer, TimeSpecificBatchNormalization) and layer.built
    }
    found = {}
    for variable in model.variables:  # Keras lists layers in no useful order.
        layer = layers.get(id(variable))
        if layer is not None:
            mean, variance = (
                np.asarray(keras.ops.convert_to_numpy(w), "float64")
                for w in (layer.moving_mean, layer.moving_variance)
            )
            found[layer.path] = BatchNormStatistics(mean, np.sqrt(variance))
    if not found:
        raise ValueError(
            "`model` must have a TimeSpecificBatchNormalization, whose statistics "
            f"differ between steps. Received: {model.name!r}, which has no "
            "TimeSpecificBatchNormalization."
        )
    return found


def plot_batch_norm_statistics(
    model: keras.Model, path: str | Path | None = None
) -> Any:
    """Plot batch normalization statistics over steps, one line per channel.

    Layers applied at only one step are left out, unless there are no others.

    Args:
        model: A model with `TimeSpecificBatchNormalization` in its loops.
        path: PNG file to write. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the model has no `TimeSpecificBatchNormalization`.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "frnn", input_shape=(8, 8, 1), width=4, states=2
    ... )
    >>> figure = keras_recur.analysis.plot_batch_norm_statistics(pair.recurrent)
    """
    found = batch_norm_statistics(model)
    several = {k: v for k, v in found.items() if len(v.mean) > 1}
    figure = draw_statistics(several or found)
    return save(figure, path)


def draw_statistics(found: dict[str, BatchNormStatistics]) -> Any:
    """Return a figure with one row per layer: means and standard deviations."""
    size = (8.4, 0.5 + 2.3 * len(found))
    figure, panels = new_figure(2, len(found), size, grid=False)
    pairs = list(zip(panels[::2], panels[1::2], strict=True))
    for row, (name, statistics) in zip(pairs, found.items(), strict=True):
        for axes, values in zip(
            row, (statistics.mean, statistics.deviation), strict=True
        ):
            steps = np.arange(1, len(values) + 1)
            marker = "." if len(steps) == 1 else ""
            axes.plot(steps, values, lw=0.8, alpha=0.7, marker=marker)
            integer_ticks(axes.xaxis)
        row[0].set_ylabel(name.removeprefix("graph/"), fontsize=8)
    panels[0].set_title("mean", fontsize=10)
    panels[1].set_title("standard deviation", fontsize=10)
    for axes in panels[-2:]:
        axes.set_xlabel("application")
    return figure
