"""Change the weights of the readouts over the epochs without compiling again."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from keras_recur.inference._graph import functional_copy
from keras_recur.losses.annealed_loss import AnnealedLoss
from keras_recur.losses.iteration_loss import IterationLoss


@keras.saving.register_keras_serializable(package="keras_recur")
class Annealing(keras.layers.Layer):
    """Identity layer that holds the share of an annealed loss.

    On JAX, a loss can read only variables of the trained model, so `append_to` adds
    this layer to the model. `training.fit` does not need this layer.

    Args:
        **kwargs: `name` of the layer.

    Attributes:
        share: Variable from 0 (only the first loss) to 1 (only the second loss).

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

    def append_to(self, model: keras.Model) -> keras.Model:
        """Return a model with the same layers, followed by this layer."""
        graph = functional_copy(model)
        return keras.Model(graph.input, self(graph.output), name=model.name)

    def between(self, start: IterationLoss, end: IterationLoss) -> AnnealedLoss:
        """Return the loss that moves from `start` to `end` as `share` grows."""
        return AnnealedLoss(start, end, self.share)


@contextlib.contextmanager
def lent(share: keras.Variable, model: keras.Model) -> Iterator[None]:
    """Make `share` a variable of `model`, but not one of its weights."""
    # Generator states are in `variables`, which JAX reads, but not in saved `weights`.
    state = _State(share)
    model._seed_generators.append(state)
    try:
        yield
    finally:
        model._seed_generators.remove(state)


class _State:
    """Stand-in for a random generator with a `state`."""

    def __init__(self, state):
        self.state = state
