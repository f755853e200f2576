"""One example's answer, iteration by iteration, as a strip or as an animation.

Reference: Bansal et al. 2022, "End-to-end Algorithm Synthesis with Recurrent Networks"
(arXiv:2202.05826), whose figures show a maze being solved over the iterations.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur._files import check_path, replacing
from keras_recur._labels import answer_labels
from keras_recur._validation import check_positive_int
from keras_recur.analysis._logits import logits_shape
from keras_recur.analysis._predictions_image import UnfoldingImage
from keras_recur.analysis._predictions_string import UnfoldingString
from keras_recur.analysis.iteration_curve import Readouts
from keras_recur.data._batches import to_numpy
from keras_recur.inference._graph import loops_in
from keras_recur.layers import RecurrentGraph


def plot_predictions(
    model: keras.Model,
    x: Any,
    y: Any = None,
    iterations: int | None = None,
    trained: int | None = None,
    path: str | Path | None = None,
) -> Any:
    """Draws how one example's answer unfolds over the iterations.

    Images (mazes, grids) become a row of pictures: the positions that are marked, those
    marked wrongly and those still missing. Strings become one picture, with a row for
    every iteration. What lies beyond the trained iterations is told apart.

    Args:
        model: A model with a loop and a `Readout` that answers for every position, as
            the zoo builds them for mazes, shortest paths and prefix sums.
        x: One example, without the axis of the batch.
        y: Its targets; those below 0 are not drawn. Default: none, and right is not
            told from wrong.
        iterations: How far to run. Default: as the model was built.
        trained: How many iterations were trained. Default: as the model was built.
        path: File to write: `.png` for the strip, `.gif` for an animation with a frame
            per iteration. Default: none.

    Returns:
        A `matplotlib.figure.Figure` with the strip.

    Raises:
        ValueError: for another suffix, more than one example, targets of another shape,
            a model that answers for the whole example, and as `inference.with_iterations`.

    Reference:
        [Bansal et al. 2022](https://arxiv.org/abs/2202.05826).

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> x, y = keras_recur.data.load("prefix_sums", "test", size=8, num_examples=4)[0]
    >>> figure = keras_recur.analysis.plot_predictions(pair.recurrent, x[0], y[0], 6)
    """
    path = None if path is None else check_path("path", path)
    suffix = None if path is None else _suffix(path)
    found = _unfold(model, x, y, iterations, trained)
    strip = found.strip()
    if path is not None:
        with replacing(check_path("path", path)) as file:
            if suffix == ".gif":
                file.write(found.animation())
            else:
                strip.savefig(file, format="png", dpi=130)
    return strip


def _suffix(path):
    suffix = check_path("path", path).suffix.lower()
    if suffix not in (".png", ".gif"):
        raise ValueError(
            "`path` must end in .png, for the strip, or in .gif, for an animation. "
            f"Received: path={str(path)!r}. Did you mean "
            f"{str(Path(path).with_suffix('.png'))!r}?"
        )
    return suffix


def _unfold(model, x, y, iterations, trained):
    logits = logits_shape(model)
    if len(model.inputs) != 1:
        raise ValueError(
            "`model` must have one input, whose picture is drawn. Received: "
            f"{model.name!r} with {len(model.inputs)} inputs."
        )
    x = to_numpy(x)
    if x.dtype.kind in "OSU":
        raise ValueError(
            f"`x` must be an array of numbers. Received: an array of type {x.dtype}."
        )
    shape = tuple(model.inputs[0].shape[1:])
    if x.ndim != len(shape):
        first = " For the first of a batch give x[0]." if x.ndim > len(shape) else ""
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
    kind = UnfoldingString if answers.ndim == 2 else UnfoldingImage
    return kind(x, y, answers, numbers, trained)


def _refuse_whole(model):
    raise ValueError(
        "`model` must answer for every position of a string or an image. Received: "
        f"{model.name!r} with outputs of shape {model.output_shape}. For answers to "
        "the whole example see analysis.plot_iteration_metrics."
    )


def _built_for(model):
    """How many iterations the last loop was built for."""
    for loop in reversed(list(loops_in(model))):
        return loop.steps if isinstance(loop, RecurrentGraph) else loop.iterations
    return None
