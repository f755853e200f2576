"""Training and scoring of one network, for comparisons, experiments and searches."""

import contextlib
import dataclasses
import math
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_recur._memory import out_of_memory
from keras_recur.runs.provenance import provenance
from keras_recur.training._identity import content_digest
from keras_recur.training.fit import TrainingDiverged, fit
from keras_recur.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Trial:
    """A network, its recipe, its data and its seed.

    Attributes:
        network: Function that returns the untrained network.
        recipe: Recipe of the training.
        train_data: Function that returns the training examples.
        validation_data: Function that returns the examples to score after every epoch.
        seed: Seed of all random numbers.
        score: Function from the trained network to its measurements as plain data.
        guess: Function from the network, or `None` if it could not be built, to the
            measurements of guessing. It is used when training fails.
        callbacks: More Keras callbacks. Defaults to none.
        jit_compile: As in `model.compile`. Defaults to `"auto"`.
        survives: Whether every error becomes a row, with status `"failed"` or
            `"out of memory"`. Defaults to `False`: only divergence does.
        made: Whether each seed generates its own examples. Defaults to `False`.
        made_with: Digest that the data must have. Defaults to `None`: any.
    """

    network: Callable[[], keras.Model]
    recipe: Recipe
    train_data: Callable[[], Any]
    validation_data: Callable[[], Any]
    seed: int
    score: Callable[[keras.Model], dict[str, Any]]
    guess: Callable[[keras.Model | None], dict[str, Any]]
    callbacks: Sequence[keras.callbacks.Callback] = ()
    jit_compile: str | bool = "auto"
    survives: bool = False
    made: bool = False
    made_with: str | None = None


def run_trial(trial: Trial, directory: Path) -> dict[str, Any]:
    """Train or resume a network, and return its row of results."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(trial.seed)
    row: dict[str, Any] = {"seed": trial.seed, "status": "finished"}
    start = time.perf_counter()
    model = None
    # Errors of the data are raised, because the network has not failed.
    data, validation = trial.train_data(), trial.validation_data()
    same = (validation,) if trial.made else (validation, data)
    row["data_digest"] = content_digest(*same)
    check_digest(row["data_digest"], trial.made_with)
    resumes = (directory / "checkpoint.npz").exists()
    try:
        model = trial.network()
        history = fit(
            model,
            trial.recipe,
            data,
            validation,
            directory=directory,
            callbacks=list(trial.callbacks),
            verbose=0,
            jit_compile=trial.jit_compile,
        )
        row["history"] = history
        # Count all sessions of an interrupted training.
        start = time.perf_counter() - sum(history["seconds"])
        check_finite(history)
        row |= trial.score(model)
    except TrainingDiverged as error:
        row |= {"status": "diverged", "message": str(error), **trial.guess(model)}
    except OSError:
        raise
    except Exception as error:
        if not trial.survives or (resumes and isinstance(error, ValueError)):
            raise
        row |= {**failure(error), **trial.guess(model)}
    row["seconds"] = time.perf_counter() - start
    row["provenance"] = provenance()
    return row


def check_digest(digest: str | None, made_with: str | None) -> None:
    """Raise a `ValueError` if earlier results have the digest of other data."""
    if made_with not in (None, digest):
        raise ValueError(
            "The data are not those that earlier results of this folder were made "
            "with: their files have changed, or they are generated in another way. "
            "Use the original data or choose another folder."
        )


def check_finite(history: dict[str, list[float]]) -> None:
    """Raise `TrainingDiverged` if the last loss, unchecked so far, is not finite."""
    for key, what in (("val_loss", "validation"), ("loss", "training")):
        last = (history.get(key) or [0.0])[-1]
        if last is None or not math.isfinite(last):
            raise TrainingDiverged(
                f"The loss on {what} examples is {last} after the last epoch. Try a "
                "lower learning rate, warm-up or clip_norm."
            )


def failure(error: Exception) -> dict[str, Any]:
    """Return status, message and traceback of an error."""
    text = f"{type(error).__name__}: {error}"
    return {
        "status": "out of memory" if out_of_memory(error) else "failed",
        "message": text,
        "traceback": "".join(traceback.format_exception(error)),
    }


def save_weights(model: keras.Model, path: Path) -> None:
    """Write the weights without the optimizer's state, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")
    try:
        keras.Model(model.inputs, model.outputs).save_weights(partial)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
