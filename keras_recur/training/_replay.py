"""Training steps that start from states in which the loop ended before."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from keras_recur._keras import standard_inputs, symbolic_build
from keras_recur.data._batches import to_numpy
from keras_recur.inference._graph import last_loop
from keras_recur.layers import StateReplay
from keras_recur.training._step_hooks import step_hooks
from keras_recur.training.annealing import lent
from keras_recur.training.recipe import Recipe
from keras_recur.training.replayed_data import ReplayedData
from keras_recur.training.with_state_replay import with_state_replay


@contextlib.contextmanager
def replay_steps(
    model: keras.Model, recipe: Recipe, data: Any, batch: Any, steps: int | None
) -> Iterator[tuple[ReplayedData, list[keras.Variable]]]:
    """Replay states in the training steps of a model.

    Yields the data for `model.fit`, and the variables of the stored states.
    """
    if (
        getattr(model, "_distribute_strategy", None)
        or keras.distribution.distribution()
    ):
        raise ValueError(
            "State replay needs training on one device. Received: a model with a "
            "distribution strategy. Train it without one, or with replay=0."
        )
    x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
    trained = with_state_replay(
        model,
        batch_size=len(y),
        window=_window(recipe, model),
        input_shapes=_input_shapes(data, _in_order(model, x)),
    )
    # Keras would call the model on the inputs of `ReplayedData`.
    symbolic_build(model, (x, y, weights))
    replayed = ReplayedData(
        data,
        share=recipe.replay,
        same=recipe.replay_same,
        first_step=recipe.replay_from,
        max_steps=recipe.replay_limit,
        steps_per_epoch=steps,
        seed=getattr(data, "seed", 0),
    )
    replay = next(la for la in trained.layers if isinstance(la, StateReplay))

    def predict(call, inputs, training, carried):
        del call
        return trained([_in_order(model, inputs), carried], training=training)

    with contextlib.ExitStack() as stack:
        stack.enter_context(step_hooks(model, predict, extra_input=True))
        for variable in replay.stored:
            stack.enter_context(lent(variable, model))
        yield replayed, replay.stored


def _in_order(model, inputs):
    """Return inputs, which may be named, in the structure of the model's own."""
    if not isinstance(inputs, dict):
        return inputs
    return keras.tree.pack_sequence_as(model.input, standard_inputs(model, inputs))


def _window(recipe, model):
    """Return the number of last iterations that the recipe scores, `None` for all."""
    if recipe.every_readout:
        return None
    if recipe.loss_weights == "final":
        return 1
    return min(recipe.window, last_loop(model, "State replay").iterations)


def _input_shapes(data, x):
    """Return the shapes of the inputs in all phases of the data."""
    phases = [phase.input_shape for phase in getattr(data, "phases", ())]
    first = keras.tree.map_structure(lambda leaf: to_numpy(leaf).shape[1:], x)
    return list(dict.fromkeys([first, *phases])) if phases else [first]
