"""Weights of the readouts that change over the epochs, without compiling again."""

from typing import Any

import keras
from keras import ops

from keras_recur._labels import matched
from keras_recur.training.iteration_loss import IterationLoss
from keras_recur.zoo.with_iterations import uncompiled


@keras.saving.register_keras_serializable(package="keras_recur")
class Annealing(keras.layers.Layer):
    """Passes its input on, and keeps how far a loss has passed from one to another.

    The loss reads a variable. On JAX that works only with a variable of the model that
    is trained, which is why this is a layer.

    Args:
        **kwargs: `name`.

    Attributes:
        share: The variable: 0 for the first loss alone, 1 for the second.

    Example:

    >>> annealing = keras_recur.training.Annealing()
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
        graph = uncompiled(model)
        return keras.Model(graph.input, self(graph.output), name=model.name)

    def between(self, start: IterationLoss, end: IterationLoss) -> keras.losses.Loss:
        """`1 - share` times the first loss, plus `share` times the second.

        A loss is linear in its weights: that is the loss with the weights mixed.
        """
        return _Between(self.share, start, end)


class _Between(keras.losses.Loss):
    def __init__(self, share, start, end):
        super().__init__(name="annealed_loss")
        self.share, self.start, self.end = share, start, end

    def call(self, y_true, y_pred):
        y_true, several = matched(y_true, y_pred)
        if not several:
            raise ValueError(
                "Weights of readouts can only be annealed where there are several. "
                f"Received: logits of shape {tuple(y_pred.shape)} for targets of shape "
                f"{tuple(y_true.shape)}. Build the model with readout='all'."
            )
        share = ops.cast(self.share, self.dtype)
        start, end = (loss.call(y_true, y_pred) for loss in (self.start, self.end))
        return (1 - share) * start + share * end
