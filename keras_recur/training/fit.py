"""Training is `model.fit`; this adds the recipe, and going on where it stopped."""

import dataclasses
import hashlib
import json
import math
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock
from keras_recur.training._targets import checked_targets
from keras_recur.training.annealing import Annealing
from keras_recur.training.checkpoint import Checkpoint
from keras_recur.training.exact_match import ExactMatch
from keras_recur.training.f1 import F1
from keras_recur.training.iteration_loss import IterationLoss
from keras_recur.training.recipe import Recipe
from keras_recur.zoo.with_iterations import called_again


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
) -> dict[str, list[float]]:
    """Trains a model by a recipe; with a directory, goes on where it stopped.

    A thin layer over `model.fit`. After every epoch the directory holds all that is
    needed to go on, and a run that was interrupted ends with the same weights as one
    that was not (same data, one backend and device). A run that is finished returns at
    once with the finished weights.

    Args:
        model: A Keras model that returns logits, of the zoo or your own.
        recipe: A `Recipe`. Its `batch_size` and `augment` are the data's affair: give
            them to `data.load`.
        data: Anything that `model.fit` takes. With a data set of this library the
            order of every epoch is reproduced too.
        validation_data: The same, scored after every epoch. Default: none.
        directory: Folder of the checkpoint. Default: none is written.
        callbacks: More Keras callbacks.
        verbose: As in `model.fit`.
        jit_compile: As in `model.compile`.

    Returns:
        History: a list per figure with a number per epoch, over all sessions of the
        run: `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate`,
        `seconds`. On data that is scored by F1, `f1` and `val_f1` for the accuracies.

    Raises:
        ValueError: if the directory holds the checkpoint of another configuration, and
            for labels of another shape than the model's answers, above its classes,
            one-hot, or not whole numbers.
        TrainingDiverged: if the loss is not finite, with the epoch.

    Example:

    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=8, iterations=3)
    >>> recipe = keras_recur.training.Recipe("adam", 1e-3, epochs=1, batch_size=50)
    >>> data = keras_recur.data.load("prefix_sums", batch_size=50, num_examples=100)
    >>> history = keras_recur.training.fit(pair.recurrent, recipe, data, verbose=0)
    >>> len(history["loss"])
    1
    """
    data, validation_data = checked_targets(model, data, validation_data)
    trained = _progressive(model, recipe.progressive)
    loss = recipe.loss() if recipe.progressive in (0, 1) else _mixed(recipe)
    annealing = None
    if recipe.anneal_from is not None:
        annealing = Annealing()
        trained = annealing.behind(trained)
        loss = annealing.between(recipe.loss(recipe.anneal_from), loss)
    trained.compile(
        recipe.make_optimizer(trained),
        loss,
        metrics=[F1() if getattr(data, "metric", None) == "f1" else ExactMatch()],
        jit_compile=jit_compile,
    )
    trained.optimizer.build(trained.trainable_variables)
    log = _EpochLog(recipe, annealing)
    checkpoint = None
    if directory is not None:
        fingerprint = _fingerprint(model, recipe, data)
        checkpoint = Checkpoint(directory, trained, log.history, fingerprint)
        checkpoint.restore()
    done = len(log.history.get("loss", ()))
    if done >= recipe.epochs:
        return log.history
    callbacks = [log, *([checkpoint] if checkpoint else ()), *callbacks]
    for part in (data, validation_data):
        if hasattr(part, "epoch_callback"):
            callbacks.insert(0, part.epoch_callback())
    with warnings.catch_warnings():
        if recipe.progressive:
            # Behind n steps without gradient, what lies before the loop has none.
            # PyTorch says so at every step.
            warnings.filterwarnings("ignore", "Gradients do not exist")
        trained.fit(
            data,
            validation_data=validation_data,
            epochs=recipe.epochs,
            initial_epoch=done,
            shuffle=False,  # The data set shuffles; Keras would do it again.
            callbacks=callbacks,
            verbose=verbose,
        )
    return log.history


def _progressive(model, alpha):
    """The model on which the progressive loss is computed, on the same weights."""
    if alpha == 0:
        return model
    if alpha == 1:
        return called_again(model, progressive=True)
    full = called_again(model)
    progressive = called_again(model, full.input, progressive=True)
    both = keras.ops.stack([full.output, progressive.output], axis=1)
    return keras.Model(full.input, both, name=model.name)


def _mixed(recipe):
    return IterationLoss([1 - recipe.progressive, recipe.progressive])


def _fingerprint(model, recipe, data):
    config = data.config() if hasattr(data, "config") else None
    shapes = [[v.name, *map(int, v.shape)] for v in model.variables]
    loops = [
        [layer.groups, layer.injection]
        for layer in model.layers
        if isinstance(layer, SharedRecurrentBlock)
    ]
    loops += [la.get_config() for la in model.layers if isinstance(la, RecurrentGraph)]
    asked = dataclasses.asdict(recipe)
    if recipe.anneal_from is None:  # Older checkpoints are gone on with.
        del asked["anneal_from"], asked["anneal_epochs"]
    parts = [asked, shapes, loops, config]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class _EpochLog(keras.callbacks.Callback):
    """Learning rate and weights of the epoch, history; stops on a loss that is none."""

    def __init__(self, recipe, annealing):
        super().__init__()
        self.recipe, self.annealing = recipe, annealing
        self.history: dict[str, list[float]] = {}

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._start = epoch, time.perf_counter()
        self.model.optimizer.learning_rate = self.recipe.learning_rate_at(epoch)
        if self.annealing is not None:
            self.annealing.share.assign(self.recipe.annealed_at(epoch))

    def on_train_batch_end(self, batch, logs=None):
        if batch % 50 == 0:
            self._check(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs)
        row = {k: float(v) for k, v in (logs or {}).items()}
        row["learning_rate"] = self.recipe.learning_rate_at(epoch)
        row["seconds"] = time.perf_counter() - self._start
        for key, value in row.items():
            self.history.setdefault(key, []).append(value)

    def _check(self, logs):
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingDiverged(
                f"The loss became {loss} in epoch {self._epoch + 1} of "
                f"{self.recipe.epochs}. The {self._epoch} finished epochs are kept. "
                "Try a lower learning rate, warm-up, clip_norm or throttle=True."
            )
