"""Train with `model.fit`, a recipe, and checkpoints to resume from."""

import contextlib
import math
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from keras_recur._files import check_path, locked, remove_partial
from keras_recur._keras import symbolic_build, untuned
from keras_recur._validation import check_one_of, check_positive_int, check_type
from keras_recur.metrics.exact_match import ExactMatch
from keras_recur.metrics.positive_f1 import PositiveF1
from keras_recur.training._devices import (
    check_devices,
    check_divisible,
    process_index,
)
from keras_recur.training._identity import earlier_fingerprint, identity
from keras_recur.training._inputs import check_data, check_finite, with_first_batch
from keras_recur.training._readouts import build_on, check_readouts
from keras_recur.training._schedule import RecipeSchedule
from keras_recur.training._session import compile_by, strategy_scope, trained_by
from keras_recur.training._targets import check_targets
from keras_recur.training.checkpoint import Checkpoint
from keras_recur.training.recipe import Recipe
from keras_recur.training.replayed_data import ReplayedData


class TrainingDiverged(RuntimeError):
    """Error raised when the loss is NaN or infinite. Finished epochs are kept."""


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
    steps_per_execution: int = 1,
) -> dict[str, list[float]]:
    """Train a model with a recipe, and resume the run if a directory is given.

    A resumed run ends with the same weights as an uninterrupted one, given the same
    data, backend and device. A run that is finished, or that a callback such as
    `EarlyStopping` ended, returns at once with its final weights and history. The model
    is left compiled, so `model.evaluate(test)` returns the loss and the metric.

    The recipe sets the learning rate at the beginning of each epoch. A callback that
    sets another rate, such as `ReduceLROnPlateau`, scales the recipe's rate by the same
    ratio in all later epochs. The checkpoint holds the state of Keras's
    `EarlyStopping`, `ReduceLROnPlateau` and `ModelCheckpoint`, but not the state of
    your own callbacks.

    Args:
        model: A Keras model that returns logits. It is built on the first batch if
            needed.
        recipe: A `Recipe`. Use its `batch_size`, `augment` and `cutout` in `data.load`.
        data: Batches `(x, y)` or `(x, y, sample_weight)` in any form that `model.fit`
            accepts. Put arrays into an `ArrayDataset`. A resumed run repeats the order
            of the epochs only with data sets of this library.
        validation_data: Data in the same form, or a tuple of arrays, to score after
            every epoch. Defaults to `None`.
        directory: Folder of the checkpoint. `~` is expanded. Defaults to `None` (no
            checkpoint).
        callbacks: Additional Keras callbacks. Defaults to `()`.
        verbose: Verbosity, as in `model.fit`. Defaults to `"auto"`.
        jit_compile: Use of XLA, as in `model.compile`. Defaults to `"auto"`.
        steps_per_epoch: Number of batches per epoch, for data without an end. Defaults
            to `None` (all batches).
        validation_steps: The same for validation data. Defaults to `None`.
        steps_per_execution: Number of steps per call of the compiled function, as in
            `model.compile`. On TensorFlow, 16 saves up to a quarter of the time of
            small networks. The results are the same. Callbacks see only the last of
            these steps. PyTorch supports only `1`, the default.

    Returns:
        History over all sessions of the run: a dictionary of lists with one number per
        epoch. Keys are `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate`
        (at the end of the epoch) and `seconds`. For data scored by F1, `f1` and
        `val_f1` replace the accuracies.

    Raises:
        ValueError: If an argument, the inputs or the labels are invalid or do not fit
            together, the devices cannot divide a batch, or `directory` belongs to
            another configuration or is in use.
        RuntimeError: If several processes of PyTorch train together.
        TrainingDiverged: If the loss is NaN or infinite.

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
    steps_per_execution = _check_steps(steps_per_execution)
    if directory is not None:
        directory = check_path("directory", directory)
    if isinstance(data, ReplayedData):
        raise ValueError(
            "`data` must yield batches (x, y). Received: a ReplayedData. Pass the data "
            "in it, with Recipe(replay=...)."
        )
    check_data("data", data, steps_per_epoch)
    if validation_data is not None:
        check_data("validation_data", validation_data, validation_steps)
    check_devices(model)
    metric = PositiveF1() if getattr(data, "metric", None) == "f1" else ExactMatch()
    data, batch = with_first_batch("data", data)
    check_finite("data", data, batch)
    check_divisible("data", data, batch)
    with strategy_scope(model):
        build_on(model, batch)
    check_targets("data", model, data, batch)
    if validation_data is not None:
        validation_data, held_out = with_first_batch("validation_data", validation_data)
        check_finite("validation_data", validation_data, held_out)
        check_divisible("validation_data", validation_data, held_out)
        check_targets("validation_data", model, validation_data, held_out)
    check_readouts(model, recipe, batch)
    compile_by(model, recipe, metric, jit_compile, steps_per_execution)
    if isinstance(data, keras.utils.PyDataset) and data.workers > 1:
        # Keras would take a batch to build on, which changes the order with workers.
        symbolic_build(model, batch)
    known: Any = None
    earlier = ""
    if directory is not None:  # Before the hooks of the session change the model.
        steps = [steps_per_epoch, validation_steps]
        known = identity(model, recipe, data, validation_data, steps)
        earlier = earlier_fingerprint(model, recipe, data)
    with contextlib.ExitStack() as stack:
        schedule, data = stack.enter_context(
            trained_by(model, recipe, data, batch, steps_per_epoch)
        )
        log = _EpochLog(schedule)
        checkpoint = None
        if directory is not None:
            checkpoint = Checkpoint(
                directory,
                model,
                log.history,
                known,
                earlier=[earlier],
                callbacks=callbacks,
                schedule=schedule,
            )
            checkpoint.restore()
            if not _finished(log, checkpoint):
                directory.mkdir(parents=True, exist_ok=True)
                if process_index() == 0:
                    stack.enter_context(locked(directory))
                    remove_partial(checkpoint.path)
                checkpoint.restore()  # Another process may have finished epochs.
        if _finished(log, checkpoint):
            return log.history
        sets: tuple[Any, Any] = data, validation_data
        followed = [s.epoch_callback() for s in sets if hasattr(s, "epoch_callback")]
        last = [checkpoint] if checkpoint else []
        if recipe.progressive:
            stack.enter_context(warnings.catch_warnings())
            # PyTorch warns at every step that layers before the loop lack gradients.
            warnings.filterwarnings("ignore", "Gradients do not exist")
        try:
            model.fit(
                untuned(data),
                validation_data=untuned(validation_data, validation_steps),
                epochs=recipe.epochs,
                initial_epoch=log.epochs,
                shuffle=False,  # The data set shuffles; Keras would shuffle again.
                callbacks=[*followed, schedule, log, *callbacks, *last],
                verbose=verbose,  # type: ignore[arg-type]
                steps_per_epoch=None if recipe.replay else steps_per_epoch,
                validation_steps=validation_steps,
            )
        except BaseException:
            if checkpoint:
                checkpoint.rescue()
            raise
    return log.history


def _check_arguments(model, recipe, callbacks, verbose, jit_compile):
    """Check arguments and return the callbacks as a list."""
    check_type("model", model, keras.Model, "a Keras model")
    check_type("recipe", recipe, Recipe, "a keras_recur.training.Recipe")
    callbacks = [] if callbacks is None else callbacks
    check_type("callbacks", callbacks, list | tuple, "a list of Keras callbacks")
    for i, callback in enumerate(callbacks):
        kind = keras.callbacks.Callback
        check_type(f"callbacks[{i}]", callback, kind, "a Keras callback")
    verbose = int(verbose) if isinstance(verbose, bool) else verbose
    check_one_of("verbose", verbose, ("auto", 0, 1, 2))
    check_one_of("jit_compile", jit_compile, ("auto", True, False))
    return list(callbacks)


def _check_steps(steps):
    steps = check_positive_int("steps_per_execution", steps)
    if steps > 1 and keras.backend.backend() == "torch":
        raise ValueError(
            "`steps_per_execution` must be 1 on PyTorch, where steps are not compiled. "
            f"Received: steps_per_execution={steps}."
        )
    return steps


def _finished(log, checkpoint):
    """Return whether all epochs are finished or a callback ended the run."""
    done = log.epochs >= log.schedule.recipe.epochs
    return done or (checkpoint is not None and checkpoint.ended)


class _EpochLog(keras.callbacks.Callback):
    """Record the history of a run, and stop when the loss is NaN or infinite."""

    # Keras then calls it beside the next steps, instead of waiting for every step.
    async_safe = True

    def __init__(self, schedule: RecipeSchedule):
        super().__init__()
        self.schedule = schedule
        self.history: dict[str, list[float]] = {}

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.history.get("loss", ()))

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._start = epoch, time.perf_counter()
        self._next_check = 0

    def on_train_batch_end(self, batch, logs=None):
        if batch >= self._next_check:
            self._check(logs)
            self._next_check = batch + 50

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
                "kept. Try a lower learning rate, warm-up, clip_norm or throttle=True, "
                "and check the data for invalid labels and NaN inputs."
            )
