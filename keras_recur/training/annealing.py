"""Weights of the readouts that change over the epochs, without compiling again."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from keras_recur.inference._graph import functional_copy
from keras_recur.losses.annealed_loss import AnnealedLoss
from keras_recur.losses.iteration_loss import IterationLoss


@keras.saving.register_keras_serializable(package="keras_recur")
class Annealing(keras.layers.Layer):
    """Passes its input on, and keeps how far a loss has passed from one to another.

    The loss reads a variable. On JAX that works only with a variable of the model that
    is trained: `behind` puts this layer after a model. `fit` needs no such model.

    Args:
        **kwargs: `name`.

    Attributes:
        share: The variable: 0 for the first loss alone, 1 for the second.

    Example:

    >>> annealing = keras_recur.callbacks.Annealing()
    >>> losses = [keras_recur.losses.IterationLoss(w) for w in ("uniform", "final")]
    >>> loss = annealing.between(*losses)
    >>> y, logits = np.array([0]), np.array([[[0.0, 0.0], [9.0, 0.0]]])
    >>> before = float(loss(y, logits))
    >>> _ = annealing.share.assign(1.0)
    >>> before > 100 * float(loss(y, logits))
    True
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.share = self.add_weight(
            name="share",
            shape=(),
            initializer="zeros",
            dtype="float32",
            autocast=False,
            trainable=False,
        )
        self.built = True

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def behind(self, model: keras.Model) -> keras.Model:
        """The model's graph on the same layers, with this one behind it."""
        graph = functional_copy(model)
        return keras.Model(graph.input, self(graph.output), name=model.name)

    def between(self, start: IterationLoss, end: IterationLoss) -> AnnealedLoss:
        """The loss that passes from the first to the second with `share`."""
        return AnnealedLoss(start, end, self.share)


@contextlib.contextmanager
def lent(share: keras.Variable, model: keras.Model) -> Iterator[None]:
    """Make `share` a variable of a model that is no weight of it.

    The steps of JAX see the variables of the model alone. As the state of a random
    generator it is one of `model.variables`, but not of `model.weights`: files that
    callbacks write do not have it.
    """
    state = _State(share)
    model._seed_generators.append(state)
    try:
        yield
    finally:
        model._seed_generators.remove(state)


class _State:
    """What Keras asks of a random generator."""

    def __init__(self, state):
        self.state = state
