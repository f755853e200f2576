"""A recipe, applied to a model: compiled by it, trained by it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from keras_recur.losses.annealed_loss import AnnealedLoss
from keras_recur.training._progressive import progressive_steps
from keras_recur.training._schedule import RecipeSchedule
from keras_recur.training.annealing import Annealing, lent
from keras_recur.training.recipe import Recipe


def compile_by(
    model: keras.Model, recipe: Recipe, metric: Any, jit_compile: str | bool = "auto"
) -> None:
    """Compile a model by a recipe, with its optimizer built.

    An optimizer that is not built could not be restored from a file.
    """
    with strategy_scope(model):
        loss: Any = recipe.loss()
        if recipe.anneal_from is not None:
            loss = Annealing().between(recipe.loss(recipe.anneal_from), loss)
        model.compile(
            recipe.make_optimizer(model),
            loss,
            metrics=[metric],
            jit_compile=jit_compile,  # type: ignore[arg-type]
        )
        optimizer: Any = model.optimizer
        optimizer.build(model.trainable_variables)


@contextlib.contextmanager
def trained_by(model: keras.Model, recipe: Recipe) -> Iterator[RecipeSchedule]:
    """Let `model.fit` train a compiled model as the recipe says.

    Yields the callback that sets the learning rate and the annealed weights, which
    must be among those of `model.fit`, before the user's. Afterwards the model is
    compiled as `compile_by` did it, and `model.fit` trains its loss alone.
    """
    share = model.loss.share if isinstance(model.loss, AnnealedLoss) else None
    with contextlib.ExitStack() as hooks:
        hooks.enter_context(progressive_steps(model, recipe.progressive))
        if share is not None:
            hooks.enter_context(lent(share, model))
        if recipe.progressive or share is not None:
            # Functions that were compiled with the hooks go with them.
            hooks.callback(_forget_functions, model)
            _forget_functions(model)
        yield RecipeSchedule(recipe, share)


def strategy_scope(model: Any) -> Any:
    """The scope of the model's `tf.distribute` strategy, where it has one."""
    strategy = getattr(model, "_distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _forget_functions(model):
    model.train_function = model.test_function = model.predict_function = None
