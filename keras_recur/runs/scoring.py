"""Scores of a trained network over sizes and iterations."""

from typing import Any

import keras
import numpy as np

from keras_recur.analysis._banks import banks_of, rebuilt
from keras_recur.analysis.fold import fold
from keras_recur.analysis.iteration_curve import Readouts
from keras_recur.analysis.update_batch_norm import update_batch_norm
from keras_recur.layers._walk import loops_in
from keras_recur.runs.entry import Entry
from keras_recur.runs.settled import measure_settling
from keras_recur.runs.summary import guessed_tests
from keras_recur.zoo.costs import trainable_parameters

# Layers whose kernels have at least this cosine similarity are folded into one.
FOLD_AT = 0.9


def score_network(
    entry: Entry, model: keras.Model, twin: str, seed: int
) -> dict[str, Any]:
    """Return the scores of a network and of its recalibrated and folded forms."""
    found: dict[str, Any] = {"tests": _tests(entry, model, twin)}
    if is_endless(model, twin):
        found |= measure_settling(entry, model)
    if entry.has_banks and _has_statistics(model):
        # Recalibration alone improves scores, and folded networks are recalibrated.
        copy = rebuilt(model, lambda layer: None)
        _recalibrate(entry, copy, twin, seed)
        found["recalibrated"] = {"tests": _tests(entry, copy, twin)}
    if any(True for _ in banks_of(model)):
        found["folded"] = _folded(entry, model, twin, seed)
    return found


def guessed_scores(
    entry: Entry, model: keras.Model | None, twin: str
) -> dict[str, Any]:
    """Return the scores of guessing, used for networks that failed."""
    trained = entry.model.get("iterations") or 1
    endless = model is not None and is_endless(model, twin)
    furthest = entry.test_iterations if endless else trained
    return {"tests": guessed_tests(entry.data, entry.test_sizes, trained, furthest)}


def is_endless(model: keras.Model, twin: str) -> bool:
    """Return whether the model has weights for any number of iterations."""

    return twin != "feedforward" and all(loop.endless for loop in loops_in(model))


def _tests(entry, model, twin):
    """Return scores after every iteration and the chosen iterations, by size."""
    trained = entry.model.get("iterations")
    iterations = entry.test_iterations if is_endless(model, twin) else trained
    readouts = Readouts(model, iterations)
    tests = []
    for size in entry.test_sizes:
        chosen = trained or readouts.iterations
        if entry.procedural:
            chosen = chosen_iterations(readouts.score(entry.validation_data(size)))
        scores = readouts.score(entry.test_data(size))
        curve = [None if np.isnan(a) else float(a) for a in scores]
        tests.append(
            {
                "size": size,
                "iterations": chosen,
                "accuracy": curve[chosen - 1],
                "curve": curve,
            }
        )
    return tests


def chosen_iterations(scores: np.ndarray) -> int:
    """Return the number of iterations with the best score on validation examples.

    Of several best ones, it is the middle one: the first may be too few for other
    examples, and the last too many for a loop that forgets.
    """
    best = np.flatnonzero(scores == np.nanmax(scores))
    return int(best[len(best) // 2]) + 1


def _folded(entry, model, twin, seed):
    folded = fold(model, FOLD_AT)
    normalized = _has_statistics(folded)
    if normalized:
        _recalibrate(entry, folded, twin, seed)
    return {
        "threshold": FOLD_AT,
        "labels": {name: bank.labels for name, bank in banks_of(folded)},
        "parameters": trainable_parameters(folded),
        "recalibrated": normalized,
        "tests": _tests(entry, folded, twin),
    }


def _has_statistics(model):
    """Return whether the model has batch normalization."""
    return any("moving_mean" in w.path for w in model.weights)


def _recalibrate(entry, model, twin, seed):
    """Estimate batch normalization statistics again on training data."""
    data = entry.train_data(twin, seed)
    data.epoch = entry.recipe(twin).epochs - 1  # The last phase of a curriculum.
    update_batch_norm(model, data)
