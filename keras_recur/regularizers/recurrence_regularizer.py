"""A penalty that makes the layers of a template bank more similar."""

import keras
from keras import ops

from keras_recur._validation import check_strength


@keras.saving.register_keras_serializable(package="keras_recur")
class RecurrenceRegularizer(keras.regularizers.Regularizer):
    """Penalize different layers of a bank: -`strength` times the sum of similarities.

    The similarity of two layers is the absolute cosine of their coefficients. The
    minimum is -`strength` times the squared number of layers, if all layers have the
    same kernel up to its scale.

    Args:
        strength: Lambda, 0 or more. Defaults to `0.01`.

    Raises:
        ValueError: If `strength` is negative or not finite.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), section 3.

    Example:

    >>> penalty = keras_recur.regularizers.RecurrenceRegularizer(0.01)
    >>> bank = keras_recur.layers.TemplateBank(4, coefficients_regularizer=penalty)
    """

    def __init__(self, strength: float = 0.01):
        self.strength = check_strength("strength", strength)

    def __call__(self, x):
        # The square root has no gradient at zero.
        length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + 1e-12)
        unit = x / length
        cosines = ops.matmul(unit, ops.transpose(unit))
        # The gradient of `abs` at zero is 1 on JAX and 0 elsewhere.
        similarities = cosines * ops.stop_gradient(ops.sign(cosines))
        return -self.strength * ops.sum(similarities)

    def get_config(self):
        return {"strength": self.strength}
