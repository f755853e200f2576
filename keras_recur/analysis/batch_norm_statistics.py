"""Statistics of time-specific normalization, step by step.

Reference: Liao and Poggio 2016 (arXiv:1604.03640), Figure 5B: the statistics change
smoothly over time, so those of the last step serve some more.
"""

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
    """What one normalization has learned of its inputs at every step.

    Attributes:
        mean: `(steps, channels)`, moving means.
        deviation: `(steps, channels)`, square roots of the moving variances.
    """

    mean: np.ndarray
    deviation: np.ndarray


def batch_norm_statistics(model: keras.Model) -> dict[str, BatchNormStatistics]:
    """Means and standard deviations that a model's normalization keeps, by step.

    Args:
        model: A model with `TimeSpecificBatchNormalization` in its loops.

    Returns:
        `BatchNormStatistics` by path of the normalization layer, in the model's order. Steps
        are those at which the layer's weights were applied.

    Raises:
        ValueError: for a model without such a layer.

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
            f"The model {model.name!r} has no TimeSpecificBatchNormalization: there "
            "are no statistics over time. Those of BatchNormalization are the same at "
            "all steps."
        )
    return found


def plot_batch_norm_statistics(
    model: keras.Model, path: str | Path | None = None
) -> Any:
    """Draws the statistics of a model over time, a line per channel.

    Layers whose weights are applied at one step only are left out, where others are
    not.

    Args:
        model: A model with `TimeSpecificBatchNormalization` in its loops.
        path: PNG file to write. Default: none.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: as `batch_norm_statistics`.

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
    """A row per layer: means, and standard deviations."""
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
