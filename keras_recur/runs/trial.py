"""One network that is trained and scored: the source of every row of results.

Comparisons, experiments and searches differ in which trials they ask for. Training,
failures, interruptions and time are the same for all of them.
"""

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
        recipe: How it is trained.
        train_data: Function that returns the training examples.
        validation_data: Function that returns what is scored after every epoch.
        seed: Seed of everything that is drawn.
        score: Function of the trained network that returns what is measured, as plain
            data.
        guess: Function of the network that returns what counts if its training fails:
            the same measures of a network that guesses. The network is `None` if it
            could not be built.
        callbacks: More Keras callbacks. Default: none.
        jit_compile: As in `model.compile`. Default `"auto"`.
        survives: Whether any failure of the network is a row, with its message:
            `"failed"`, or `"out of memory"`. Default `False`: only divergence is, and
            other errors are raised.
        made: Whether the training examples are made anew for every seed. Default
            `False`: they are the same for all, only their order differs.
        made_with: Digest of the data of results that are there already, which must be
            these. Default `None`: there are none.
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
    """Train and score a network, or resume it from its last epoch.

    A network has failed if its loss becomes NaN or infinite, or if its last loss on
    validation examples is. It then counts as guessing, by `trial.guess`.

    Args:
        trial: What to train.
        directory: Folder of its checkpoint.

    Returns:
        A row: "seed", "status" ("finished", "diverged" and, where the trial survives
        them, "failed" and "out of memory"), "message" (of what failed), "history" (of
        a training that reached its end), what was measured, "seconds" over all
        sessions, "provenance", "data_digest".

    Raises:
        OSError: If a file cannot be written: a full disk is not the network's fault.
        ValueError: If the directory holds the checkpoint of another configuration, or
            earlier results were made with other data.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(trial.seed)
    row: dict[str, Any] = {"seed": trial.seed, "status": "finished"}
    start = time.perf_counter()
    model = None
    # Data that are missing, and foreign checkpoints, are not the network's fault.
    data, validation = trial.train_data(), trial.validation_data()
    same = (validation,) if trial.made else (validation, data)
    row["data_digest"] = content_digest(*same)
    if trial.made_with not in (None, row["data_digest"]):
        raise ValueError(
            "The data are not those that earlier results of this folder were made "
            "with: their files have changed, or they are made in another way now. "
            "Give the data that it was begun with, or choose another folder."
        )
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
        # Over all sessions, if the training was interrupted.
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


def check_finite(history: dict[str, list[float]]) -> None:
    """Refuse a training whose last step went wrong, which no later one has noticed.

    Raises:
        TrainingDiverged: If the last loss on validation examples is not finite.
    """
    for key, what in (("val_loss", "validation"), ("loss", "training")):
        last = (history.get(key) or [0.0])[-1]
        if last is None or not math.isfinite(last):
            raise TrainingDiverged(
                f"The loss on {what} examples is {last} after the last epoch. Try a "
                "lower learning rate, warm-up or clip_norm."
            )


def failure(error: Exception) -> dict[str, Any]:
    """Return status, message and traceback of a network that could not be trained."""
    text = f"{type(error).__name__}: {error}"
    return {
        "status": "out of memory" if out_of_memory(error) else "failed",
        "message": text,
        "traceback": "".join(traceback.format_exception(error)),
    }


def save_weights(model: keras.Model, path: Path) -> None:
    """Write the weights alone, as a whole or not at all.

    The file of a compiled model would hold the optimizer's state too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")
    try:
        keras.Model(model.inputs, model.outputs).save_weights(partial)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
