"""Training is `model.fit`; this adds the recipe, and resuming where it stopped."""

import contextlib
import math
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from keras_recur._files import check_path, locked
from keras_recur._validation import check_one_of, check_positive_int, check_type
from keras_recur.metrics.exact_match import ExactMatch
from keras_recur.metrics.positive_f1 import PositiveF1
from keras_recur.training._identity import earlier_fingerprint, identity
from keras_recur.training._inputs import check_data, check_finite, with_first_batch
from keras_recur.training._readouts import build_on, check_readouts
from keras_recur.training._schedule import RecipeSchedule
from keras_recur.training._session import compile_by, strategy_scope, trained_by
from keras_recur.training._targets import check_targets
from keras_recur.training.checkpoint import Checkpoint
from keras_recur.training.recipe import Recipe


class TrainingDiverged(RuntimeError):
    """The loss became NaN or infinite. What was finished before is kept."""


def fit(
    model: keras.Model,
    recipe: Recipe,
    data: Any,
    validation_data: Any = None,
    *,
    directory: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: str | int = "auto",
    jit_compile: str | bool = "auto",
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
) -> dict[str, list[float]]:
    """Train a model by a recipe; with a directory, resume where it stopped.

    A thin layer over `model.fit`. After every epoch the directory holds all that is
    needed to resume, and a run that was interrupted ends with the same weights as one
    that was not (same data, one backend and device). A run that is finished, or was
    ended by a callback such as `EarlyStopping`, returns at once with the weights and
    the history that it ended with.

    Whatever the recipe, callbacks see the model that was given, and it is left
    compiled: `model.evaluate(test)` gives the loss and the metric.

    The recipe sets the learning rate at the beginning of each epoch. A callback that
    sets another one, such as `ReduceLROnPlateau` or `LearningRateScheduler`, scales the
    recipe's schedule: later epochs have the recipe's rate times the ratio of the
    callback's rate to the recipe's in the epoch in which it was set. The checkpoint
    holds what Keras's `EarlyStopping`, `ReduceLROnPlateau` and `ModelCheckpoint`
    remember between epochs; it does not hold the state of your own callbacks.

    Args:
        model: A Keras model that returns logits, of the zoo or your own. One that is
            not built is built on the first batch.
        recipe: A `Recipe`. Its `batch_size`, `augment` and `cutout` are for the data:
            give them to `data.load`.
        data: Batches `(x, y)` or `(x, y, sample_weight)`, in any form that `model.fit`
            takes; put arrays into an `ArrayDataset`. With a data set of this library
            the order of every epoch is reproduced too. Other data give a resumed run
            the order that they have then, and a generator the batches that it gives
            from then on.
        validation_data: The same, or a tuple of arrays, scored after every epoch.
            Default: none.
        directory: Folder of the checkpoint; `~` is expanded. Default: none is written.
        callbacks: More Keras callbacks.
        verbose: As in `model.fit`.
        jit_compile: As in `model.compile`.
        steps_per_epoch: Batches of an epoch, for data without an end. Default: all.
        validation_steps: The same for `validation_data`.

    Returns:
        History: a list per figure with a number per epoch, over all sessions of the
        run: `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate` (that the
        optimizer had at the end of the epoch), `seconds`. On data that is scored by
        F1, `f1` and `val_f1` for the accuracies.

    Raises:
        ValueError: If an argument is not as described; if data have no end and no
            steps; if inputs are NaN or infinite; if labels have another shape than the
            model's answers, are above its classes, one-hot or no whole numbers; if the
            recipe trains several readouts
            and the model returns one; if the directory holds the checkpoint of another
            configuration or of other data; if another process writes to it.
        TrainingDiverged: If the loss is not finite, with the epoch.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> recipe = keras_recur.training.Recipe("adam", 1e-3, epochs=1, batch_size=50)
    >>> data = keras_recur.data.load("prefix_sums", batch_size=50, num_examples=100)
    >>> history = keras_recur.training.fit(pair.recurrent, recipe, data, verbose=0)
    >>> len(history["loss"])
    1
    """
    callbacks = _check_arguments(model, recipe, callbacks, verbose, jit_compile)
    if steps_per_epoch is not None:
        steps_per_epoch = check_positive_int("steps_per_epoch", steps_per_epoch)
    if validation_steps is not None:
        validation_steps = check_positive_int("validation_steps", validation_steps)
    if directory is not None:
        directory = check_path("directory", directory)
    check_data("data", data, steps_per_epoch)
    if validation_data is not None:
        check_data("validation_data", validation_data, validation_steps)
    metric = PositiveF1() if getattr(data, "metric", None) == "f1" else ExactMatch()
    data, batch = with_first_batch("data", data)
    check_finite("data", data, batch)
    with strategy_scope(model):
        build_on(model, batch)
    check_targets("data", model, data, batch)
    if validation_data is not None:
        validation_data, held_out = with_first_batch("validation_data", validation_data)
        check_finite("validation_data", validation_data, held_out)
        check_targets("validation_data", model, validation_data, held_out)
    check_readouts(model, recipe, batch)
    compile_by(model, recipe, metric, jit_compile)
    known: Any = None
    if directory is not None:
        steps = [steps_per_epoch, validation_steps]
        known = identity(model, recipe, data, validation_data, steps)
    earlier = [earlier_fingerprint(model, recipe, data)] if known else []
    with contextlib.ExitStack() as stack:
        schedule = stack.enter_context(trained_by(model, recipe))
        log = _EpochLog(schedule)
        checkpoint = None
        if directory is not None:
            checkpoint = Checkpoint(
                directory,
                model,
                log.history,
                known,
                earlier=earlier,
                callbacks=callbacks,
                schedule=schedule,
            )
            checkpoint.restore()
            if not _finished(log, checkpoint):
                directory.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(directory))
                checkpoint.restore()  # Another process may have finished epochs.
        if _finished(log, checkpoint):
            return log.history
        sets: tuple[Any, Any] = data, validation_data
        followed = [s.epoch_callback() for s in sets if hasattr(s, "epoch_callback")]
        last = [checkpoint] if checkpoint else []
        if recipe.progressive:
            stack.enter_context(warnings.catch_warnings())
            # After n steps without gradient, what comes before the loop has none.
            # PyTorch says so at every step.
            warnings.filterwarnings("ignore", "Gradients do not exist")
        try:
            model.fit(
                data,
                validation_data=validation_data,
                epochs=recipe.epochs,
                initial_epoch=log.epochs,
                shuffle=False,  # The data set shuffles; Keras would do it again.
                callbacks=[*followed, schedule, log, *callbacks, *last],
                verbose=verbose,  # type: ignore[arg-type]
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
            )
        except BaseException:
            if checkpoint:
                checkpoint.rescue()
            raise
    return log.history


def _check_arguments(model, recipe, callbacks, verbose, jit_compile):
    """The callbacks as a list, if all is as it should be."""
    check_type("model", model, keras.Model, "a Keras model")
    check_type("recipe", recipe, Recipe, "a keras_recur.training.Recipe")
    callbacks = [] if callbacks is None else callbacks
    check_type("callbacks", callbacks, list | tuple, "a list of Keras callbacks")
    for i, callback in enumerate(callbacks):
        kind = keras.callbacks.Callback
        check_type(f"callbacks[{i}]", callback, kind, "a Keras callback")
    check_one_of(
        "verbose",
        int(verbose) if isinstance(verbose, bool) else verbose,
        ("auto", 0, 1, 2),
    )
    check_one_of("jit_compile", jit_compile, ("auto", True, False))
    return list(callbacks)


def _finished(log, checkpoint):
    """Whether all epochs are done, or a callback has ended the run."""
    done = log.epochs >= log.schedule.recipe.epochs
    return done or (checkpoint is not None and checkpoint.ended)


class _EpochLog(keras.callbacks.Callback):
    """The history of a run; stops on a loss that is NaN or infinite."""

    def __init__(self, schedule: RecipeSchedule):
        super().__init__()
        self.schedule = schedule
        self.history: dict[str, list[float]] = {}

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.history.get("loss", ()))

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._start = epoch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if batch % 50 == 0:
            self._check(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs)
        row = {k: float(v) for k, v in (logs or {}).items()}
        row["learning_rate"] = self.schedule.rate
        row["seconds"] = time.perf_counter() - self._start
        for key, value in row.items():
            self.history.setdefault(key, []).append(value)

    def _check(self, logs):
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingDiverged(
                f"The loss became {loss} in epoch {self._epoch + 1} of "
                f"{self.schedule.recipe.epochs}. The {self._epoch} finished epochs are "
                "kept. Try a lower learning rate, warm-up, clip_norm or throttle=True; "
                "labels that are no class, and NaN among the inputs, do the same."
            )
