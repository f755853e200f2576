"""Layers that several families use."""

from typing import Any

import keras

from keras_recur.layers import TimeSpecificBatchNormalization

CIFAR10: dict[str, Any] = {"input_shape": (32, 32, 3), "num_classes": 10}
EMNIST: dict[str, Any] = {"input_shape": (28, 28, 1), "num_classes": 47}

# The defaults of PyTorch's batch normalization, in Keras's terms.
_TORCH_BATCH_NORM: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-5}


def conv(initializers, name, channels, filters, kernel_size=3, strides=1, **options):
    """Return a 2-D convolution, by default without bias and with the size kept."""
    options = {
        "padding": "same" if strides == 1 else "valid",
        "use_bias": False,
        **options,
    }
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        **initializers(kernel_size**2 * channels, bias=False),
        name=name,
        **options,
    )


def pad(x, name, strides):
    """Pad one pixel on every side for a stride above 1."""
    # As PyTorch does: Keras's "same" is not symmetric for strides.
    if strides == 1:
        return x
    return keras.layers.ZeroPadding2D(1, name=f"{name}_padding")(x)


def batch_norm(name):
    """Return batch normalization with PyTorch's defaults."""
    return keras.layers.BatchNormalization(**_TORCH_BATCH_NORM, name=name)


def time_batch_norm(name, affine="per_iteration"):
    """Return batch normalization with separate statistics for every iteration."""
    return TimeSpecificBatchNormalization(affine=affine, **_TORCH_BATCH_NORM, name=name)


def relu(x, name):
    return keras.layers.ReLU(name=name)(x)


def residual_blocks(x, conv, norm):
    """Apply two residual blocks of two convolutions each."""
    for i in (1, 2):
        y = relu(norm(conv(f"conv{i}a")(x), f"norm{i}a"), f"relu{i}a")
        y = norm(conv(f"conv{i}b")(y), f"norm{i}b")
        y = keras.layers.Add(name=f"add{i}")([y, x])
        x = relu(y, f"relu{i}b")
    return x


def classifier(initializers, channels, num_classes, *before, bias=True, name="head"):
    """Return a head of `before`, global average pooling and a dense layer."""
    return keras.Sequential(
        [
            *before,
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(
                num_classes, **initializers(channels, bias=bias), name="classes"
            ),
        ],
        name=name,
    )
