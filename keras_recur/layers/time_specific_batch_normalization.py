"""Batch normalization with separate statistics for every iteration."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur._validation import (
    check_flag,
    check_integer,
    check_number,
    check_one_of,
    check_positive_int,
)
from keras_recur.layers.iteration import current_iteration, row_of

MAX_AXES = 32  # More axes than tensors have in practice.


@keras.saving.register_keras_serializable(package="keras_recur")
class TimeSpecificBatchNormalization(keras.layers.Layer):
    """Batch normalization with one mean and variance per iteration.

    In a `SharedRecurrentBlock` the distribution of the state changes with each
    iteration. A shared `BatchNormalization` mixes these distributions in its moving
    statistics, so training and inference differ more with every iteration. This layer
    has one row of statistics per iteration. Iterations after the last row use the last
    row. Outside a loop the layer is a plain `BatchNormalization`.

    Args:
        iterations: Number of rows. Defaults to `None`: the number of iterations that
            use these weights, which is 1 for an untied copy.
        affine: Learned scale and offset: `None` (neither), `"shared"` (one pair for all
            iterations) or `"per_iteration"` (one pair each). Defaults to `"shared"`.
        axis: The axis of the channels. Defaults to `-1`.
        momentum: Momentum of the moving statistics. Defaults to `0.99`.
        epsilon: Added to the variance. Defaults to `1e-3`.
        synchronized: Whether the devices of a `tf.distribute` strategy normalize with
            the statistics of the whole batch, as in `BatchNormalization`. Only for
            TensorFlow; on JAX the statistics always are those of the whole batch.
            Defaults to `False`: each device uses its part of the batch.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 2 or more.
        training: `True` normalizes with the batch's statistics and updates the row.
        mask: Mask of padding, of the inputs' shape without the last axis. The batch's
            statistics exclude padding. Defaults to the mask that Keras has attached to
            the inputs.

    Input shape:
        `(batch, ..., channels)`, or any shape with the channels at `axis`.

    Output shape:
        The input's shape.

    Raises:
        ValueError: If `affine` is unknown, `iterations` is not a positive integer, or
            `synchronized` is set on another backend than TensorFlow.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640). They use `affine=None`
        on CIFAR-10 and `"shared"` on ImageNet.

    Example:

    >>> block = keras.Sequential([
    ...     keras.layers.Conv2D(8, 3, padding="same"),
    ...     keras_recur.layers.TimeSpecificBatchNormalization(),
    ...     keras.layers.ReLU(),
    ... ])
    >>> loop = keras_recur.layers.SharedRecurrentBlock(block, iterations=5)
    >>> loop(np.ones((2, 16, 16, 8))).shape
    (2, 16, 16, 8)
    >>> block.layers[1].moving_mean.shape
    (5, 8)
    """

    def __init__(
        self,
        iterations: int | None = None,
        affine: str | None = "shared",
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if iterations is not None:
            iterations = check_positive_int("iterations", iterations)
        self.iterations = iterations
        self.affine = check_one_of("affine", affine, (None, "shared", "per_iteration"))
        self.axis = check_integer("axis", axis, -MAX_AXES, maximum=MAX_AXES)
        self.momentum = check_number("momentum", momentum, 0, 1)
        self.epsilon = check_number("epsilon", epsilon, 0)
        self.synchronized = check_flag("synchronized", synchronized)
        if synchronized and keras.backend.backend() != "tensorflow":
            raise ValueError(
                "`synchronized` is only for the TensorFlow backend. Received: "
                f"synchronized=True on {keras.backend.backend()}. Leave it out."
            )
        self.supports_masking = True

    def build(self, input_shape):
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                "The axis to normalize must have a known size. Received: "
                f"input_shape={input_shape}, axis={self.axis}."
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={self.axis % len(input_shape): channels}
        )
        loop = current_iteration()
        self._rows = self.iterations or (loop.iterations if loop else 1)

        def statistics(name, initializer):
            return self.add_weight(
                name=name,
                shape=(self._rows, channels),
                initializer=initializer,
                trainable=False,
                autocast=False,
            )

        self.moving_mean = statistics("moving_mean", "zeros")
        self.moving_variance = statistics("moving_variance", "ones")
        self.gamma = self.beta = None
        if self.affine is not None:
            shape = (channels,)
            if self.affine == "per_iteration":
                shape = (self._rows, channels)
            self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
            self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")

    def call(self, inputs, training=False, mask=None):
        _check_mask(mask, inputs)
        loop = current_iteration()
        row, last = loop.index if loop else 0, self._rows - 1
        # The row is a tensor in rolled loops. An integer needs no operation.
        row = min(row, last) if isinstance(row, int) else ops.minimum(row, last)
        axis = self.axis % len(inputs.shape)
        others = [a for a in range(len(inputs.shape)) if a != axis]

        # Half precision would overflow. Keras uses float32, too.
        x = inputs
        if keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16"):
            x = ops.cast(x, "float32")
        if training and self.trainable:
            mean, variance = (
                ops.moments(x, axes=others, synchronized=self.synchronized)
                if mask is None
                else self._masked_moments(x, others, mask)
            )
            self._update(self.moving_mean, row, mean)
            self._update(self.moving_variance, row, variance)
        else:
            mean = row_of(self.moving_mean, row)
            variance = row_of(self.moving_variance, row)
        gamma, beta = self.gamma, self.beta
        if self.affine == "per_iteration":
            gamma, beta = row_of(gamma, row), row_of(beta, row)
        mean, variance, beta, gamma = (
            None if value is None else ops.cast(value, x.dtype)
            for value in (mean, variance, beta, gamma)
        )
        if axis == len(inputs.shape) - 1:
            axis = -1  # No reshape is needed.
        outputs = ops.batch_normalization(
            x, mean, variance, axis, beta, gamma, self.epsilon
        )
        return ops.cast(outputs, self.compute_dtype)

    def _masked_moments(self, x, axes, mask):
        """Return the mean and variance without padding, as Keras computes them."""
        there = ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(x))
        there = ops.cast(there, "bool")
        count = self._sum(ops.cast(there, x.dtype), axes) + keras.backend.epsilon()
        mean = self._sum(ops.where(there, x, 0), axes) / count
        shape = [1 if a in axes else size for a, size in enumerate(x.shape)]
        difference = ops.where(there, x - ops.reshape(mean, shape), 0)
        return mean, self._sum(ops.square(difference), axes) / count

    def _sum(self, x, axes):
        found = ops.sum(x, axes)
        if not self.synchronized:
            return found
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, found)

    def _update(self, variable, row, value):
        if isinstance(row, int):
            chosen = np.eye(self._rows)[row, :, None]
            chosen = ops.convert_to_tensor(chosen, variable.dtype)
        else:
            chosen = ops.one_hot(row, self._rows, dtype=variable.dtype)[:, None]
        step = (1.0 - self.momentum) * chosen
        value = ops.cast(value, variable.dtype)
        variable.assign(variable + step * (value - variable))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "iterations": self.iterations,
            "affine": self.affine,
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            # Configs without it keep the checkpoints of earlier versions valid.
            **({"synchronized": True} if self.synchronized else {}),
        }


def _check_mask(mask, inputs):
    if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
        raise ValueError(
            "`mask` must have the shape of the inputs without the last axis. Received: "
            f"a mask of shape {tuple(mask.shape)} for inputs of shape "
            f"{tuple(inputs.shape)}."
        )
