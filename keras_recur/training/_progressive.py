"""Progressive loss of Bansal et al. 2022 (arXiv:2202.05826), section 3.2."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import keras

from keras_recur.inference._graph import rerun_graph
from keras_recur.layers import Depth
from keras_recur.layers._masks import joined
from keras_recur.losses.iteration_loss import IterationLoss

# A context variable, because replicas of a MirroredStrategy run in threads.
_in_step: ContextVar[bool] = ContextVar("in_step", default=False)


@contextlib.contextmanager
def progressive_steps(
    model: keras.Model, alpha: float, depth: str | Depth
) -> Iterator[None]:
    """Mix the progressive loss into the training steps of a compiled model."""
    if not alpha:
        yield
        return
    progressive = rerun_graph(model, progressive=depth)
    loss: Any = model.loss
    mixed = IterationLoss([1 - alpha, alpha])
    step, call, score = model.train_step, model.call, loss.call

    # The hooks act only in `train_step`, not in callbacks, files and `evaluate`.
    def train_step(*args):
        token = _in_step.set(True)
        try:
            return step(*args)
        finally:
            _in_step.reset(token)

    def progressive_call(inputs, *args, training=None, mask=None, **kwargs):
        if not _in_step.get():
            return call(inputs, *args, training=training, mask=mask, **kwargs)
        if alpha == 1:
            return progressive(inputs, training=training)
        # (batch, 2, ...), which `mixed` weights by 1 - alpha and alpha.
        full = call(inputs, *args, training=training, mask=mask, **kwargs)
        found = progressive(inputs, training=training)
        return joined(keras.ops.stack, [full, found], 1)

    def mixed_call(y_true, y_pred):
        return (mixed.call if _in_step.get() else score)(y_true, y_pred)

    hooks = [(model, "train_step", train_step), (model, "call", progressive_call)]
    if alpha < 1:
        hooks.append((loss, "call", mixed_call))
    for place, name, hook in hooks:
        setattr(place, name, hook)
    try:
        yield
    finally:
        for place, name, _ in hooks:
            delattr(place, name)
