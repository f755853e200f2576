"""Loss that moves from one loss to another during training."""

from typing import Any

import keras
from keras import ops

from keras_recur._labels import matched
from keras_recur._validation import check_number, check_type
from keras_recur.losses._readout_loss import ReadoutLoss
from keras_recur.losses.iteration_loss import IterationLoss


@keras.saving.register_keras_serializable(package="keras_recur")
class AnnealedLoss(ReadoutLoss):
    """Mix of two losses over the readouts, `(1 - share) * start + share * end`.

    It equals the loss with mixed weights. A saved file holds the current share.

    Args:
        start: `IterationLoss` that applies when `share` is 0.
        end: `IterationLoss` that applies when `share` is 1.
        share: Number from 0 to 1, or a variable that holds one, such as
            `Annealing().share`.
        name: Name of the loss. Defaults to `"annealed_loss"`.

    Call arguments:
        y_true: Integer targets, `(batch, ...)`.
        y_pred: Logits, `(batch, iterations, ..., classes)`.

    Raises:
        ValueError: If an argument has an invalid value, or the logits have no axis of
            iterations.

    Example:

    >>> losses = [keras_recur.losses.IterationLoss(w) for w in ("uniform", "final")]
    >>> loss = keras_recur.losses.annealed_loss.AnnealedLoss(*losses, share=1.0)
    >>> y, logits = np.array([0]), np.array([[[0.0, 0.0], [9.0, 0.0]]])
    >>> float(loss(y, logits)) == float(losses[1](y, logits))
    True
    """

    def __init__(
        self,
        start: IterationLoss,
        end: IterationLoss,
        share: Any,
        name: str = "annealed_loss",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.start = check_type("start", start, IterationLoss, "an IterationLoss")
        self.end = check_type("end", end, IterationLoss, "an IterationLoss")
        if not isinstance(share, keras.Variable):
            share = check_number("share", share, 0, 1)
        self.share = share

    def call(self, y_true, y_pred):
        y_true, several = matched(y_true, y_pred)
        if not several:
            raise ValueError(
                "Weights of readouts can only be annealed if the model has several. "
                f"Received: logits of shape {tuple(y_pred.shape)} for targets of shape "
                f"{tuple(y_true.shape)}. Build the model with readout='all'."
            )
        share = ops.cast(ops.convert_to_tensor(self.share), self.dtype)
        start, end = (loss.call(y_true, y_pred) for loss in (self.start, self.end))
        return (1 - share) * start + share * end

    def get_config(self):
        return {
            **super().get_config(),
            "start": keras.saving.serialize_keras_object(self.start),
            "end": keras.saving.serialize_keras_object(self.end),
            "share": float(ops.convert_to_numpy(ops.convert_to_tensor(self.share))),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("start", "end"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
