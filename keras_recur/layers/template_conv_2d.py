"""Two-dimensional convolution with a kernel from a template bank."""

import keras

from keras_recur.layers._template_conv import TemplateConv


@keras.saving.register_keras_serializable(package="keras_recur")
class TemplateConv2D(TemplateConv):
    """`Conv2D` whose kernel comes from a `TemplateBank`: it is called on `(x, kernel)`.

    Args:
        filters: Number of output channels. Positive integer.
        kernel_size: Integer or two: height and width of the kernel.
        strides: Integer or two. Default 1.
        padding: `"valid"` (default) or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`. Default: Keras's.
        dilation_rate: Integer or two. Default 1. Not together with strides, but for
            `depthwise`.
        groups: Number of groups of channels. Default 1.
        depthwise: Convolve every channel by itself, with
            `filters / channels` outputs each. Default `False`.
        activation: Activation, as in Keras. Default: none.
        use_bias: Whether to add a bias, the layer's own. Default `True`.
        bias_initializer: Default `"zeros"`.
        bias_regularizer: Default: none.
        **kwargs: As in every Keras layer.

    Call arguments:
        x: Images, `(batch, height, width, channels)`.
        kernel: `(kernel_height, kernel_width, channels / groups, filters)`; with
            `depthwise` `(kernel_height, kernel_width, channels, filters / channels)`.

    Output shape:
        `(batch, new_height, new_width, filters)`, as of `Conv2D`.

    Raises:
        ValueError: for sizes that are no positive integers, for a call without a
            kernel and for a kernel of another shape.

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
