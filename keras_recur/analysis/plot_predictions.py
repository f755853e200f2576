"""Plot one example's answer after each iteration, as a strip or an animation."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur._files import check_path, replacing
from keras_recur._labels import answer_labels
from keras_recur._plot_style import save
from keras_recur._validation import check_positive_int
from keras_recur.analysis._logits import logits_shape
from keras_recur.analysis._predictions_image import ImagePredictions
from keras_recur.analysis._predictions_string import StringPredictions
from keras_recur.analysis.iteration_curve import Readouts
from keras_recur.data._batches import to_numpy
from keras_recur.inference._graph import graph_loops
from keras_recur.layers import RecurrentGraph


def plot_predictions(
    model: keras.Model,
    x: Any,
    y: Any = None,
    iterations: int | None = None,
    trained: int | None = None,
    path: str | Path | None = None,
) -> Any:
    """Plot how one example's answer changes over the iterations.

    Images (mazes, grids) become a row of pictures with the marked, wrongly marked and
    missing positions. Strings become one picture with one row per iteration. The plot
    marks iterations beyond the trained ones.

    Args:
        model: A model with a loop and a `Readout` that answers for each position, such
            as the zoo's models for mazes, shortest paths and prefix sums.
        x: One example, without the batch axis.
        y: Targets of the example; targets below 0 are not drawn. Defaults to `None`
            (wrong positions are not marked).
        iterations: Number of iterations to run. Defaults to `None` (the number the
            model was built with).
        trained: Number of trained iterations. Defaults to `None` (the number the model
            was built with).
        path: File to write: `.png` for the strip, or `.gif` for an animation with one
            frame per iteration. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure` with the strip.

    Raises:
        ValueError: If `path`, `x` or `y` is invalid, the model gives one answer for the
            whole example, or it cannot run for `iterations`.

    Reference:
        [Bansal et al. 2022](https://arxiv.org/abs/2202.05826).

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> x, y = keras_recur.data.load("prefix_sums", "test", size=8, num_examples=4)[0]
    >>> figure = keras_recur.analysis.plot_predictions(pair.recurrent, x[0], y[0], 6)
    """
    path = None if path is None else check_path("path", path)
    suffix = None if path is None else _suffix(path)
    found = _predictions(model, x, y, iterations, trained)
    strip = found.strip()
    if path is not None and suffix == ".gif":
        with replacing(path) as file:
            file.write(found.animation())
        return strip
    return save(strip, path)


def _suffix(path):
    suffix = path.suffix.lower()
    if suffix not in (".png", ".gif"):
        raise ValueError(
            "`path` must end in .png for the strip, or in .gif for an animation. "
            f"Received: path={str(path)!r}. Did you mean "
            f"{str(path.with_suffix('.png'))!r}?"
        )
    return suffix


def _predictions(model, x, y, iterations, trained):
    logits = logits_shape(model)
    if len(model.inputs) != 1:
        raise ValueError(
            "`model` must have one input, which is drawn. Received: "
            f"{model.name!r} with {len(model.inputs)} inputs."
        )
    x = to_numpy(x)
    if x.dtype.kind in "OSU":
        raise ValueError(
            f"`x` must be an array of numbers. Received: an array of type {x.dtype}."
        )
    shape = tuple(model.inputs[0].shape[1:])
    if x.ndim != len(shape):
        first = " Pass x[0] for the first of a batch." if x.ndim > len(shape) else ""
        raise ValueError(
            f"`x` must be one example of shape {shape}, without the batch. Received: "
            f"shape {x.shape}.{first}"
        )
    if len(logits) < 3:
        _refuse_whole(model)
    if trained is not None:
        check_positive_int("trained", trained)
    readouts = Readouts(model, iterations)
    answers = np.stack([found[0] for found in readouts.answers(x[None])])
    if answers.ndim not in (2, 3):
        _refuse_whole(model)
    if y is not None:
        y = to_numpy(y)
        if y.shape not in (answers.shape[1:], (*answers.shape[1:], 1)):
            raise ValueError(
                f"`y` must have a target for every position, shape {answers.shape[1:]}."
                f" Received: shape {y.shape}."
            )
        y = answer_labels("y", y[None], (1, *answers.shape[1:]), logits[-1])[0]
    numbers = np.flatnonzero(readouts.filled) + 1
    trained = trained or _built_for(model) or int(numbers[-1])
    kind = StringPredictions if answers.ndim == 2 else ImagePredictions
    return kind(x, y, answers, numbers, trained)


def _refuse_whole(model):
    raise ValueError(
        "`model` must answer for every position of a string or an image. Received: "
        f"{model.name!r} with outputs of shape {model.output_shape}. For one answer "
        "per example, use analysis.plot_iteration_metrics."
    )


def _built_for(model):
    """Return the number of iterations that the last loop was built for."""
    for loop in reversed(list(graph_loops(model))):
        return loop.steps if isinstance(loop, RecurrentGraph) else loop.iterations
    return None
