"""Replace what a compiled model predicts in its training steps."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import keras

# Extra inputs of the running training step, or `None` outside of one. It is a context
# variable, because replicas of a MirroredStrategy run in threads.
_extra: ContextVar[list[Any] | None] = ContextVar("extra", default=None)


@contextlib.contextmanager
def step_hooks(
    model: keras.Model,
    predict: Callable,
    score: Callable | None = None,
    extra_input: bool = False,
) -> Iterator[None]:
    """Use other predictions and another loss in the training steps of a model.

    `predict(call, inputs, training, *extra)` receives the model's own call. With an
    extra input, the data yield `((x, extra), y)`. `score` replaces `loss.call`.
    """
    loss: Any = model.loss
    step, call, loss_call = model.train_step, model.call, loss.call

    # The hooks act only in `train_step`, not in callbacks, files and `evaluate`.
    def train_step(*args):
        *state, data = args
        extra: list[Any] = []
        if extra_input:
            x, *rest = data
            x, *extra = x
            data = (x, *rest)
        token = _extra.set(extra)
        try:
            return step(*state, data)
        finally:
            _extra.reset(token)

    def hooked_call(inputs, *args, training=None, mask=None, **kwargs):
        def usual():
            return call(inputs, *args, training=training, mask=mask, **kwargs)

        extra = _extra.get()
        return usual() if extra is None else predict(usual, inputs, training, *extra)

    def hooked_loss(y_true, y_pred):
        scored = loss_call if _extra.get() is None or score is None else score
        return scored(y_true, y_pred)

    hooks = [(model, "train_step", train_step), (model, "call", hooked_call)]
    if score is not None:
        hooks.append((loss, "call", hooked_loss))
    for place, name, hook in hooks:
        setattr(place, name, hook)
    try:
        yield
    finally:
        for place, name, _ in hooks:
            delattr(place, name)
