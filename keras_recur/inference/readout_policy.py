"""Combine the logits of all iterations into one answer or a sequence of answers."""

from typing import Any

import keras
from keras import ops

from keras_recur._validation import check_integer, check_one_of
from keras_recur.inference.confidence import REDUCTIONS, confidence
from keras_recur.layers._masks import answer_mask

POLICIES = ("last", "at", "mean", "cumulative", "learned", "confident")


@keras.saving.register_keras_serializable(package="keras_recur")
class ReadoutPolicy(keras.layers.Layer):
    """Combine the logits of all iterations.

    Policies:

    - `"last"`: the logits of the last iteration.
    - `"at"`: the logits of iteration `iteration`.
    - `"mean"`: the mean over all iterations.
    - `"cumulative"`: a sequence with the mean over the iterations so far.
    - `"learned"`: a weighted mean with one trained weight per iteration. The weights
      sum to 1 and start equal. The number of iterations is fixed.
    - `"confident"`: the logits of each example's most confident iteration.

    Args:
        policy: One of the policies above. Defaults to `"last"`.
        iteration: Number of the iteration for `"at"`, from 1.
        reduction: `"min"` or `"mean"`, for `"confident"`: see `confidence`. Defaults to
            `"min"`.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        logits: The output of a `Readout` of all iterations.
        mask: Mask of padding, `(batch, iterations, ...)`. The confidence excludes
            padding. Defaults to the mask that Keras has attached to the logits.

    Input shape:
        `(batch, iterations, ..., classes)`.

    Output shape:
        `(batch, ..., classes)`. With `"cumulative"`, the input shape.

    Raises:
        ValueError: If the policy is unknown, `iteration` is missing, not needed or too
            large, or the logits have no axis of iterations.

    Reference:
        [Spoerer et al. 2020](https://doi.org/10.1371/journal.pcbi.1008215), the
        cumulative readout; released code: github.com/cjspoerer/rcnn-sat.

    Example:

    >>> policy = keras_recur.inference.ReadoutPolicy("mean")
    >>> float(policy(np.array([[[0.0, 1.0], [0.0, 3.0]]]))[0, 1])
    2.0
    """

    def __init__(
        self,
        policy: str = "last",
        iteration: int | None = None,
        reduction: str = "min",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.policy = check_one_of("policy", policy, POLICIES)
        if (iteration is not None) != (policy == "at"):
            raise ValueError(
                "`iteration` is required by policy='at' only. Received: "
                f"policy={policy!r}, iteration={iteration}."
            )
        if iteration is not None:
            iteration = check_integer("iteration", iteration, 1)
        self.iteration = iteration
        self.reduction = check_one_of("reduction", reduction, REDUCTIONS)
        self.supports_masking = True

    def build(self, logits_shape):
        self._check(logits_shape)
        if self.policy == "learned":
            self.logits = self.add_weight(
                name="iteration_weights", shape=(logits_shape[1],), initializer="zeros"
            )

    def _check(self, shape):
        if len(shape) < 3 or shape[1] is None:
            raise ValueError(
                "A readout policy needs the answers of all iterations, (batch, "
                f"iterations, ..., classes). Received: shape {tuple(shape)}. Build the "
                "model with readout='all'."
            )
        if self.iteration and self.iteration > shape[1]:
            raise ValueError(
                f"`iteration` can be at most {shape[1]} here. Received: "
                f"iteration={self.iteration}."
            )

    def compute_mask(self, logits, previous_mask):
        """Return the mask of the output: the union over the iterations."""
        if previous_mask is None or self.policy == "cumulative":
            return previous_mask
        if self.policy in ("last", "at"):
            return previous_mask[:, (self.iteration or 0) - 1]
        return ops.any(previous_mask, axis=1)

    def call(self, logits, mask=None):
        if self.policy in ("last", "at"):
            return logits[:, (self.iteration or 0) - 1]
        if self.policy == "mean":
            return ops.mean(logits, axis=1)
        iterations = logits.shape[1]
        ones = [1] * (len(logits.shape) - 2)
        if self.policy == "cumulative":
            counts = ops.arange(1, iterations + 1, dtype=logits.dtype)
            return ops.cumsum(logits, axis=1) / ops.reshape(
                counts, (1, iterations, *ones)
            )
        if self.policy == "learned":
            weights = ops.softmax(ops.cast(self.logits, "float32"))
        else:
            mask = answer_mask(logits, mask)
            sure = confidence(logits, self.reduction, batch_axes=2, mask=mask)
            weights = ops.one_hot(ops.argmax(sure, axis=1), iterations)
        weights = ops.reshape(ops.cast(weights, logits.dtype), (-1, iterations, *ones))
        return ops.sum(weights * logits, axis=1)

    def compute_output_shape(self, logits_shape):
        self._check(logits_shape)
        if self.policy == "cumulative":
            return logits_shape
        return (logits_shape[0], *logits_shape[2:])

    def get_config(self):
        return {
            **super().get_config(),
            "policy": self.policy,
            "iteration": self.iteration,
            "reduction": self.reduction,
        }

    @classmethod
    def from_config(cls, config):
        if "positions" in config:  # Version 0.1.0.
            config["reduction"] = config.pop("positions")
        return cls(**config)
