"""Run every example from several starts and select one answer."""

from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_recur._limits import MAX_ITERATIONS, check_seed, check_size
from keras_recur._validation import check_one_of, check_positive_int
from keras_recur.inference._changes import distance, over_positions
from keras_recur.inference._graph import check_one_output
from keras_recur.inference.breadth_prediction import BreadthPrediction
from keras_recur.inference.confidence import confidence
from keras_recur.inference.stepwise import Stepwise
from keras_recur.layers._masks import answer_mask
from keras_recur.layers._seeds import derived_seed

SELECTIONS = ("residual", "vote", "confidence")


def breadth(
    model: keras.Model,
    x: Any,
    starts: int = 8,
    iterations: int | None = None,
    select: str = "residual",
    window: int = 3,
    mask: Any = None,
    batch_size: int | None = None,
    seed: int | None = None,
) -> BreadthPrediction:
    """Run every example from several random starts and select one of the answers.

    A loop that settles reaches the same answer from many starts. Where it does not, the
    start whose logits change least in the last iterations is right more often than the
    others. The residual of a start is the norm of the change of the logits, averaged
    over the positions and over the last `window` iterations. It is a confidence, too: a
    small residual means a settled answer. `roc_auc_score(right, -found.residual)` of
    scikit-learn measures how well it separates right answers from wrong ones.

    Selections:

    - `"residual"`: the start with the smallest residual.
    - `"vote"`: the start with the smallest residual among those with the most frequent
      answer. Two answers are equal if they are equal at every position.
    - `"confidence"`: the start with the highest probability of its classes, averaged
      over the positions.

    The starts run one after the other, so memory grows neither with the iterations nor
    with the starts, except for one set of logits per start. Time grows with both.

    Args:
        model: A model for `inference.Stepwise` that draws random numbers: its loop has
            `initial_state="normal"`, or `state_noise` that
            `with_iterations(model, noise=True)` has turned on.
        x: Inputs, or a list of arrays if the model has several.
        starts: Number of starts. With one start, no random numbers are needed. Defaults
            to `8`.
        iterations: Number of iterations. It may exceed that of the model if all
            iterations share weights. Defaults to that of the model.
        select: See above. Defaults to `"residual"`.
        window: Number of iterations of the residual. Defaults to `3`.
        mask: `True` for positions that count, such as the scored ones, in the logits'
            shape without the classes. Padding never counts. Defaults to all positions.
        batch_size: Examples per batch. Defaults to all.
        seed: Seed of the starts. The same seed, batch size and backend give the same
            answers. Defaults to a random seed.

    Returns:
        A `BreadthPrediction`.

    Raises:
        ValueError: If the model draws no random numbers, an argument is invalid, or no
            weights exist for `iterations`.

    Reference:
        [Equilibrium Reasoners 2026](https://arxiv.org/abs/2605.21488) and its released
        code, breadth and residual.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "deep_thinking_1d",
    ...     width=8,
    ...     iterations=4,
    ...     injection="concat",
    ...     initial_state="normal",
    ...     state_noise=0.01,
    ... )
    >>> x = np.zeros((3, 16, 1), "float32")
    >>> found = keras_recur.inference.breadth(
    ...     pair.recurrent, x, starts=4, iterations=20, seed=0
    ... )
    >>> found.logits.shape, found.residual.shape
    ((3, 16, 2), (3,))
    """
    steps = Stepwise(model)
    check_one_output(model, "Running several starts")
    starts = check_size("starts", starts, MAX_ITERATIONS)
    if iterations is None:
        iterations = steps.iterations
    iterations = check_size("iterations", iterations, MAX_ITERATIONS)
    if steps.max_iterations and iterations > steps.max_iterations:
        raise ValueError(
            f"`iterations` can be at most {steps.max_iterations} here: there are no "
            f"weights for more iterations. Received: iterations={iterations}."
        )
    check_one_of("select", select, SELECTIONS)
    if check_positive_int("window", window) > iterations:
        raise ValueError(
            "`window` must be at most the number of iterations. Received: "
            f"window={window}, iterations={iterations}."
        )
    seed = check_seed(seed)
    if starts > 1 and not steps.random:
        raise ValueError(
            "Several starts need a model that draws random numbers. Received: starts="
            f"{starts} for {model.name!r}, whose runs are all equal. Build it with "
            "initial_state='normal', or turn its state_noise on with "
            "inference.with_iterations(model, noise=True)."
        )
    count = _count(x)
    if not count:
        raise ValueError("`x` has no examples to predict.")
    mask = None if mask is None else _mask(mask)
    size = count
    if batch_size is not None:
        size = check_positive_int("batch_size", batch_size)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    parts = []
    for first in range(0, count, size):
        rows = slice(first, first + size)
        batch = tree.map_structure(lambda a, rows=rows: a[rows], x)
        counts = None if mask is None else mask[rows]
        runs = [
            _run(steps, batch, iterations, window, counts, derived_seed(seed, key))
            for key in (f"{first}/{start}" for start in range(starts))
        ]
        parts.append(_selected(select, *zip(*runs, strict=True)))
    return BreadthPrediction(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def _count(x):
    """Return the number of examples."""
    leaves = tree.flatten(x)
    for leaf in leaves:
        if not getattr(leaf, "shape", ()) or "str" in str(leaf.dtype):
            raise ValueError(
                "`x` must be an array of inputs, or a list of arrays for a model with "
                f"several. Received: x={x!r}."
            )
    return int(leaves[0].shape[0])


def _mask(mask):
    mask = np.asarray(mask)
    if mask.dtype.kind not in ("b", "u", "i") or not mask.ndim:
        raise ValueError(
            "`mask` must be an array of booleans, with the shape of the logits without "
            f"the classes. Received: mask={mask!r}."
        )
    return mask.astype(bool)


def _run(steps, x, iterations, window, mask, seed):
    """Return logits, residuals, confidences and counted positions of one start."""

    def measured(state, injected, before, given, start, iterations):
        state = steps.run_loop(state, injected, start, iterations)
        logits = steps.run_head(state)
        there = answer_mask(logits)
        logits = ops.cast(logits, "float32")
        if there is None:
            there = ops.ones(ops.shape(logits)[:-1], dtype="bool")
        if given is not None:
            there = ops.logical_and(there, given)
        change = over_positions(distance(before, logits), "mean", there)
        sure = confidence(logits, "mean", mask=there)
        return list(state), logits, change, sure, there

    carried = steps.start(x, seed)
    for t in range(iterations - window):
        carried = steps.advance(carried, t)
    state, injected, drawn = carried
    logits = ops.cast(steps.read(carried), "float32")
    if mask is not None:
        if mask.shape != tuple(logits.shape[:-1]):
            raise ValueError(
                "`mask` must have the shape of the logits without the classes, "
                f"{tuple(logits.shape[:-1])}. Received: mask of shape {mask.shape}."
            )
        mask = ops.convert_to_tensor(mask)
    changes = []
    for t in range(iterations - window, iterations):
        key = ("breadth", mask is not None)
        program = steps.program(key, measured, t, seed=drawn)
        state, logits, change, sure, there = program(state, injected, logits, mask)
        changes.append(_array(change))
    residual = np.nan_to_num(np.mean(changes, axis=0), nan=np.inf, posinf=np.inf)
    return _array(logits), residual, np.nan_to_num(_array(sure)), _array(there)


def _selected(select, logits, residual, sure, there):
    """Return the fields of a `BreadthPrediction`. Arguments have a row per start."""
    residual, sure = np.stack(residual), np.stack(sure)
    agreement = _agreement(np.stack([part.argmax(-1) for part in logits]), there[0])
    if select == "confidence":
        start = np.argmax(sure, axis=0)
    elif select == "vote":
        most = agreement == agreement.max(axis=0)
        # A start that diverged may give the most frequent answer.
        finite = np.minimum(residual, np.finfo("float32").max)
        start = np.argmin(np.where(most, finite, np.inf), axis=0)
    else:
        start = np.argmin(residual, axis=0)
    rows = np.arange(len(start))
    chosen = np.stack([logits[s][row] for row, s in zip(rows, start, strict=True)])
    return chosen, start, *(a[start, rows] for a in (residual, sure, agreement))


def _agreement(classes, there):
    """Return the share of starts with the same answer, for every start and example."""
    starts, count = classes.shape[:2]
    shares = np.empty((starts, count))
    for row in range(count):
        answers = classes[:, row][:, there[row]].reshape(starts, -1)
        _, which, counts = np.unique(
            answers, axis=0, return_inverse=True, return_counts=True
        )
        shares[:, row] = counts[which.reshape(-1)] / starts
    return shares


def _array(x):
    return np.asarray(ops.convert_to_numpy(x))
