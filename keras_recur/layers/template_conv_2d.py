"""Two-dimensional convolution with a kernel from a template bank."""

import keras

from keras_recur.layers._template_conv import TemplateConv


@keras.saving.register_keras_serializable(package="keras_recur")
class TemplateConv2D(TemplateConv):
    """`Conv2D` with a kernel from a `TemplateBank`. Call it on `(x, kernel)`.

    Args:
        filters: Number of output channels. Positive integer.
        kernel_size: Height and width of the kernel. One or two integers.
        strides: One or two integers. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to Keras's.
        dilation_rate: One or two integers. Cannot be combined with strides unless
            `depthwise`. Defaults to `1`.
        groups: Number of groups of channels. Defaults to `1`.
        depthwise: Whether to convolve every channel separately, with
            `filters / channels` outputs each. Defaults to `False`.
        activation: As in Keras. Defaults to `None`.
        use_bias: Whether the layer has a bias. Defaults to `True`.
        bias_initializer: Defaults to `"zeros"`.
        bias_regularizer: Defaults to `None`.
        **kwargs: As in every Keras layer.

    Call arguments:
        x: Images, `(batch, height, width, channels)`.
        kernel: `(kernel_height, kernel_width, channels / groups, filters)`; with
            `depthwise` `(kernel_height, kernel_width, channels, filters / channels)`.

    Output shape:
        `(batch, new_height, new_width, filters)`, as in `Conv2D`.

    Raises:
        ValueError: If a size is not a positive integer, or the kernel is missing or of
            another shape.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), section 3.

    Example:

    >>> bank = keras_recur.layers.TemplateBank(1, (3, 3, 8, 8), num_layers=1)
    >>> conv = keras_recur.layers.TemplateConv2D(8, 3, padding="same")
    >>> x = np.ones((2, 16, 16, 8))
    >>> conv(x, bank(x)[0]).shape
    (2, 16, 16, 8)
    """

    rank = 2
