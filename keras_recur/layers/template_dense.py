"""Dense layer with a kernel from a template bank."""

from typing import Any

import keras
from keras import ops

from keras_recur._limits import check_size
from keras_recur.layers._template_conv import TemplateLayer


@keras.saving.register_keras_serializable(package="keras_recur")
class TemplateDense(TemplateLayer):
    """`Dense` with a kernel from a `TemplateBank`. Call it on `(x, kernel)`.

    Args:
        units: Number of outputs. Positive integer.
        activation: As in Keras. Defaults to `None`.
        use_bias: Whether the layer has a bias. Defaults to `True`.
        bias_initializer: Defaults to `"zeros"`.
        bias_regularizer: Defaults to `None`.
        **kwargs: As in every Keras layer.

    Call arguments:
        x: `(..., features)`.
        kernel: `(features, units)`.

    Output shape:
        `(..., units)`.

    Raises:
        ValueError: If `units` is not a positive integer, or the kernel is missing or of
            another shape.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), section 3.

    Example:

    >>> bank = keras_recur.layers.TemplateBank(1, (4, 4), num_layers=1)
    >>> x = np.ones((2, 4))
    >>> keras_recur.layers.TemplateDense(4)(x, bank(x)[0]).shape
    (2, 4)
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = check_size("units", units)

    @property
    def outputs(self) -> int:
        return self.units

    def kernel_shape_for(self, x_shape):
        return (x_shape[-1], self.units)

    def call(self, x, kernel: Any = None):
        self.check_kernel(tuple(x.shape), tuple(kernel.shape))
        x = ops.matmul(x, kernel)
        if self.bias is not None:
            x = x + self.bias
        return self.activation(x)

    def compute_output_spec(self, x, kernel: Any = None):
        self.check_kernel(tuple(x.shape), tuple(kernel.shape))
        return keras.KerasTensor((*x.shape[:-1], self.units), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
