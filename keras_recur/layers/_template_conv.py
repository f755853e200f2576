"""Base classes of the layers that are called on `(x, kernel)`."""

from typing import Any

import keras
from keras import ops

from keras_recur._limits import check_size
from keras_recur._validation import check_flag, check_one_of, check_positive_int
from keras_recur.layers._keras_arguments import check_keras


class TemplateLayer(keras.layers.Layer):
    """Layer that is called on `(x, kernel)` and has no weight except a bias."""

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.activation = check_keras("activation", activation, keras.activations.get)
        self.use_bias = check_flag("use_bias", use_bias)
        self.bias_initializer = check_keras(
            "bias_initializer", bias_initializer, keras.initializers.get
        )
        self.bias_regularizer = check_keras(
            "bias_regularizer", bias_regularizer, keras.regularizers.get
        )
        self.bias = None

    def __call__(self, x, kernel: Any = None, **kwargs):
        if kernel is None:
            raise ValueError(
                f"{type(self).__name__} {self.name!r} was called without its kernel. "
                "Call it on (x, kernel), with a kernel of a TemplateBank: "
                "`for kernel in bank(x): x = layer(x, kernel)`."
            )
        return super().__call__(x, kernel, **kwargs)

    def build(self, x_shape, kernel_shape):
        self.check_kernel(tuple(x_shape), tuple(kernel_shape))
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.outputs,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )

    @property
    def outputs(self) -> int:
        """Number of output channels or units."""
        raise NotImplementedError

    def kernel_shape_for(self, x_shape: tuple) -> tuple:
        """Return the shape that a kernel must have for this input."""
        raise NotImplementedError

    def check_kernel(self, x_shape, kernel_shape):
        expected = self.kernel_shape_for(x_shape)
        if tuple(kernel_shape) != expected:
            raise ValueError(
                f"{type(self).__name__} {self.name!r} needs a kernel of shape "
                f"{expected} for an input of shape {x_shape}. Received: a kernel of "
                f"shape {tuple(kernel_shape)}. Use a bank with kernel_shape={expected}."
            )

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }


class TemplateConv(TemplateLayer):
    """Convolution in `rank` dimensions."""

    rank: int
    paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        depthwise: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.filters = check_size("filters", filters)
        self.kernel_size = self._sizes("kernel_size", kernel_size)
        self.strides = self._sizes("strides", strides)
        self.padding = check_one_of("padding", padding, self.paddings)
        formats = ("channels_last", "channels_first")
        if data_format is None:
            data_format = keras.config.image_data_format()
        self.data_format = check_one_of("data_format", data_format, formats)
        self.dilation_rate = self._sizes("dilation_rate", dilation_rate)
        self.groups = check_positive_int("groups", groups)
        self.depthwise = check_flag("depthwise", depthwise)
        if depthwise and self.groups != 1:
            raise ValueError(
                "A depthwise convolution cannot have groups. Received: depthwise=True, "
                f"groups={groups}. Leave out one of them."
            )
        if not depthwise and max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "A convolution can have strides or dilation, not both. Received: "
                f"strides={strides}, dilation_rate={dilation_rate}. Set one to 1."
            )

    def _sizes(self, name, value):
        if not isinstance(value, list | tuple):
            value = (value,) * self.rank
        if len(value) != self.rank:
            raise ValueError(
                f"`{name}` must be an integer or {self.rank} integers. Received: "
                f"{name}={value!r}."
            )
        return tuple(check_size(name, v) for v in value)

    @property
    def outputs(self) -> int:
        return self.filters

    def _channels(self, x_shape):
        return x_shape[1 if self.data_format == "channels_first" else -1]

    def kernel_shape_for(self, x_shape):
        channels = self._channels(x_shape)
        parts = channels if self.depthwise else self.groups
        if self.filters % parts or channels % parts:
            name = "input channels" if self.depthwise else "groups"
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: filters and input channels "
                f"must be multiples of the {parts} {name}. Received: filters="
                f"{self.filters} for an input of shape {x_shape}."
            )
        if self.depthwise:
            return (*self.kernel_size, channels, self.filters // channels)
        return (*self.kernel_size, channels // self.groups, self.filters)

    def call(self, x, kernel: Any = None):
        self.check_kernel(tuple(x.shape), tuple(kernel.shape))
        padding = self.padding
        if padding == "causal":
            before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            widths = [(0, 0), (before, 0), (0, 0)]
            if self.data_format == "channels_first":
                widths = [(0, 0), (0, 0), (before, 0)]
            x, padding = ops.pad(x, widths), "valid"
        convolution = ops.depthwise_conv if self.depthwise else ops.conv
        x = convolution(
            x,
            kernel,
            strides=self.strides,
            padding=padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        if self.bias is not None:
            shape = [1] * (self.rank + 2)
            shape[1 if self.data_format == "channels_first" else -1] = self.filters
            x = x + ops.reshape(self.bias, shape)
        return self.activation(x)

    def compute_output_spec(self, x, kernel: Any = None):
        self.check_kernel(tuple(x.shape), tuple(kernel.shape))
        sizes = x.shape[1:-1] if self.data_format == "channels_last" else x.shape[2:]
        spatial = [self._output_size(i, n) for i, n in enumerate(sizes)]
        shape = (x.shape[0], *spatial, self.filters)
        if self.data_format == "channels_first":
            shape = (x.shape[0], self.filters, *spatial)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def _output_size(self, axis, size):
        if size is None:
            return None
        if self.padding == "valid":
            size -= self.dilation_rate[axis] * (self.kernel_size[axis] - 1)
            if size < 1:
                raise ValueError(
                    f"The input is smaller than the kernel of {self.name!r}, so the "
                    "output would be empty. Use padding='same' or a larger input."
                )
        return -(-size // self.strides[axis])

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "depthwise": self.depthwise,
        }
