"""Compile and train a model with a recipe."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras

from keras_recur.losses.annealed_loss import AnnealedLoss
from keras_recur.training._progressive import progressive_steps
from keras_recur.training._replay import replay_steps
from keras_recur.training._schedule import RecipeSchedule
from keras_recur.training.annealing import Annealing, lent
from keras_recur.training.recipe import Recipe


def compile_by(
    model: keras.Model,
    recipe: Recipe,
    metric: Any,
    jit_compile: str | bool = "auto",
    steps_per_execution: int = 1,
) -> None:
    """Compile a model with a recipe and build its optimizer."""
    with strategy_scope(model):
        loss: Any = recipe.loss()
        if recipe.anneal_from is not None:
            loss = Annealing().between(recipe.loss(recipe.anneal_from), loss)
        model.compile(
            recipe.make_optimizer(model),
            loss,
            metrics=[metric],
            jit_compile=jit_compile,  # type: ignore[arg-type]
            steps_per_execution=steps_per_execution,
        )
        # Only a built optimizer can be restored from a file.
        optimizer: Any = model.optimizer
        optimizer.build(model.trainable_variables)


class Session(NamedTuple):
    """Callback and data for `model.fit`."""

    schedule: RecipeSchedule
    data: Any


@contextlib.contextmanager
def trained_by(
    model: keras.Model,
    recipe: Recipe,
    data: Any,
    batch: Any = None,
    steps_per_epoch: int | None = None,
) -> Iterator[Session]:
    """Hook a recipe into a compiled model. `batch` is the first one of the data."""
    share = model.loss.share if isinstance(model.loss, AnnealedLoss) else None
    with contextlib.ExitStack() as hooks:
        if recipe.progressive:
            depth = recipe.progressive_depth
            hooks.enter_context(progressive_steps(model, recipe.progressive, depth))
        states: list[keras.Variable] = []
        if recipe.replay:
            data, states = hooks.enter_context(
                replay_steps(model, recipe, data, batch, steps_per_epoch)
            )
        if share is not None:
            hooks.enter_context(lent(share, model))
        if recipe.progressive or recipe.replay or share is not None:
            # Compiled functions contain the hooks and must be dropped with them.
            hooks.callback(_forget_functions, model)
            _forget_functions(model)
        yield Session(RecipeSchedule(recipe, share, states), data)


def strategy_scope(model: Any) -> Any:
    """Return the scope of the model's `tf.distribute` strategy, if it has one."""
    strategy = getattr(model, "_distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _forget_functions(model):
    model.train_function = model.test_function = model.predict_function = None
