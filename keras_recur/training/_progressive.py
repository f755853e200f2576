"""Progressive loss of Bansal et al. 2022 (arXiv:2202.05826), section 3.2."""

import contextlib
from collections.abc import Iterator

import keras

from keras_recur.inference._graph import rerun_graph
from keras_recur.layers import Depth
from keras_recur.layers._masks import joined
from keras_recur.losses.iteration_loss import IterationLoss
from keras_recur.training._step_hooks import step_hooks


@contextlib.contextmanager
def progressive_steps(
    model: keras.Model, alpha: float, depth: str | Depth
) -> Iterator[None]:
    """Mix the progressive loss into the training steps of a compiled model."""
    progressive = rerun_graph(model, progressive=depth)
    mixed = IterationLoss([1 - alpha, alpha])

    def predict(call, inputs, training):
        found = progressive(inputs, training=training)
        if alpha == 1:
            return found
        # (batch, 2, ...), which `mixed` weights by 1 - alpha and alpha.
        return joined(keras.ops.stack, [call(), found], 1)

    with step_hooks(model, predict, mixed.call if alpha < 1 else None):
        yield
