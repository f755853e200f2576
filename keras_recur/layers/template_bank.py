"""Kernels as learned linear combinations of shared templates: soft sharing."""

import math
import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur._limits import (
    MAX_COPIES,
    MAX_SIZE,
    check_seed,
    check_size,
)
from keras_recur._memory import check_memory
from keras_recur._validation import check_integer, check_sequence
from keras_recur.layers._keras_arguments import check_keras
from keras_recur.layers._template_initializers import (
    EachTemplate,
    coefficients_start,
    first_coefficients,
)


@keras.saving.register_keras_serializable(package="keras_recur")
class TemplateBank(keras.layers.Layer):
    """Own k templates, and mix the kernels of a group of layers from them.

    The kernel of layer i is the sum over j of `coefficients[i, j] * templates[j]`. With
    k below the number of layers this saves parameters. Layers with parallel
    coefficients share a kernel up to its scale. This is how recurrence emerges in a
    trained network (`analysis.layer_similarity`, `analysis.fold`).

    There are two ways to use it:

    - `SharedRecurrentBlock(block, iterations, sharing=TemplateBank(k))` gives every
      iteration of any block its own mix, with one bank per shape of kernel.
    - In your own graph, call the bank on any tensor of the graph, and call
      `TemplateConv2D`, `TemplateConv1D` or `TemplateDense` on `(x, kernel)` with the
      kernels that it returns. Do not pass a bank to the constructor of your own layer:
      Keras would load it as several banks.

    Exclude the coefficients from weight decay, as the paper's code does. `Recipe` does
    so. With Keras's optimizers, call
    `optimizer.exclude_from_weight_decay(var_names=["coefficients"])`.

    Args:
        num_templates: The number k of templates. Positive integer, at most 10,000.
            `None` makes one per layer, which saves no parameters but shows the sharing
            that emerges.
        kernel_shape: Shape of every kernel, as in Keras: `(height, width, in, out)` in
            two dimensions, `(height, width, in, multiplier)` depthwise, `(in, out)` for
            dense layers. Defaults to `None`: `SharedRecurrentBlock` sets it.
        num_layers: Number of kernels of the group, at most 100,000. Defaults to `None`:
            `SharedRecurrentBlock` sets it.
        labels: Cluster of each layer, for a bank that `analysis.fold` folded:
            `num_layers` integers from 0. Layers of one cluster have the same kernel,
            each with its own scale. Defaults to `None`: not folded.
        templates_initializer: Keras initializer, applied to each template separately.
            Defaults to `"he_normal"`.
        coefficients_initializer: `"orthogonal"`: one orthogonal matrix per bank, as in
            the paper's code. With k below the number of layers, its rows are shorter
            than 1, and some layers start almost switched off. `"orthogonal_rows"`: the
            same with rows of length 1. `"identity"`: layer i is template i modulo k.
            `"ones"`. Or a Keras initializer. Defaults to `"orthogonal"`.
        templates_regularizer: Keras regularizer. Defaults to `None`.
        coefficients_regularizer: Keras regularizer, such as `RecurrenceRegularizer`.
            Defaults to `None`.
        seed: Seed for initializers without a seed. Defaults to `None`.
        **kwargs: As in every Keras layer.

    Call arguments:
        x: Any tensor of the graph. Its values are not used.

    Output shape:
        List of `num_layers` kernels of `kernel_shape`.

    Raises:
        ValueError: If a size is not a positive integer or is too large, labels do not
            fit, or the bank is called without `kernel_shape` or `num_layers`.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), section 3, and the
        released code, github.com/lolemacs/soft-sharing.

    Example:

    >>> inputs = x = keras.Input((32, 32, 16))
    >>> bank = keras_recur.layers.TemplateBank(2, (3, 3, 16, 16), num_layers=6)
    >>> for kernel in bank(inputs):
    ...     conv = keras_recur.layers.TemplateConv2D(16, 3, padding="same")
    ...     x = conv(x, kernel)
    >>> model = keras.Model(inputs, x)
    >>> model.count_params() == 2 * (3 * 3 * 16 * 16) + 6 * 2 + 6 * 16  # with biases
    True
    """

    def __init__(
        self,
        num_templates: int | None,
        kernel_shape: Sequence[int] | None = None,
        num_layers: int | None = None,
        labels: Sequence[int] | None = None,
        templates_initializer: Any = "he_normal",
        coefficients_initializer: Any = "orthogonal",
        templates_regularizer: Any = None,
        coefficients_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if num_templates is not None:
            num_templates = check_size("num_templates", num_templates, MAX_COPIES)
        self.num_templates: Any = num_templates
        # If they are `None`, a loop sets these when it builds the bank.
        self.kernel_shape: Any = None if kernel_shape is None else _shape(kernel_shape)
        if num_layers is not None:
            num_layers = check_size("num_layers", num_layers, 10 * MAX_COPIES)
        self.num_layers: Any = num_layers
        self.labels = None if labels is None else _labels(labels, num_layers)
        self.templates_initializer = check_keras(
            "templates_initializer",
            templates_initializer,
            keras.initializers.get,
            optional=False,
        )
        self.coefficients_initializer = coefficients_start(coefficients_initializer)
        self.templates_regularizer = check_keras(
            "templates_regularizer", templates_regularizer, keras.regularizers.get
        )
        self.coefficients_regularizer = check_keras(
            "coefficients_regularizer", coefficients_regularizer, keras.regularizers.get
        )
        self.seed = check_seed(seed)
        self.coefficients = self.scales = self.directions = None

    def build(self, x_shape=None):
        if self.kernel_shape is None or self.num_layers is None:
            raise ValueError(
                "A bank with no layer cannot be built. Received: "
                f"kernel_shape={self.kernel_shape}, num_layers={self.num_layers}. "
                "Give both, for instance TemplateBank(2, (3, 3, 64, 64), "
                "num_layers=6), or use it as `sharing=` of a SharedRecurrentBlock."
            )
        if self.num_templates is None:
            self.num_templates = self.num_layers
        received = f"num_templates={self.num_templates}, kernel_shape="
        received += f"{self.kernel_shape}, num_layers={self.num_layers}"
        shape = self.num_templates, *self.kernel_shape
        check_memory("The templates of a bank", 4 * math.prod(shape), received)
        size = 4 * self.num_layers * self.num_templates
        check_memory("The coefficients of a bank", size, received)
        seed = random.randrange(2**31) if self.seed is None else self.seed
        self.templates = self.add_weight(
            name="templates",
            shape=(self.num_templates, *self.kernel_shape),
            initializer=EachTemplate(self.templates_initializer, seed),
            regularizer=self.templates_regularizer,
        )
        if self.labels is None:
            self.coefficients = self.add_weight(
                name="coefficients",
                shape=(self.num_layers, self.num_templates),
                initializer=first_coefficients(self.coefficients_initializer, seed),
                regularizer=self.coefficients_regularizer,
            )
            return
        self.scales = self.add_weight(
            name="scales", shape=(self.num_layers,), initializer="ones"
        )
        if self.clusters != self.num_templates:
            self.directions = self.add_weight(
                name="directions",
                shape=(self.clusters, self.num_templates),
                initializer=first_coefficients(self.coefficients_initializer, seed),
            )

    @property
    def clusters(self) -> int:
        """Number of different kernels up to scale."""
        if self.labels is None:
            return 1 if self.num_templates == 1 else self.num_layers
        return max(self.labels) + 1

    @property
    def undecayed(self) -> list[keras.Variable]:
        """The variables that weight decay excludes: all except the templates."""
        every = (self.coefficients, self.scales, self.directions)
        return [v for v in every if v is not None]

    def coefficient_matrix(self) -> Any:
        """Return the coefficients of all layers, `(num_layers, num_templates)`."""
        if self.labels is None:
            return ops.convert_to_tensor(self.coefficients)
        member = np.eye(self.clusters, dtype="float32")[list(self.labels)]
        scales = ops.expand_dims(ops.convert_to_tensor(self.scales), 1)
        tied = scales * ops.cast(member, scales.dtype)
        if self.directions is None:
            return tied
        return ops.matmul(tied, ops.convert_to_tensor(self.directions))

    def mix(self) -> Any:
        """Return all kernels of the group, `(num_layers, *kernel_shape)`."""
        templates = ops.convert_to_tensor(self.templates)
        flat = ops.reshape(templates, (self.num_templates, -1))
        mixed = ops.matmul(self.coefficient_matrix(), flat)
        return ops.reshape(mixed, (self.num_layers, *self.kernel_shape))

    def call(self, x):
        return split_kernels(self.mix())

    def compute_output_spec(self, x):
        kernel = keras.KerasTensor(self.kernel_shape, dtype=self.compute_dtype)
        return [
            keras.KerasTensor(kernel.shape, kernel.dtype)
            for _ in range(self.num_layers)
        ]

    def get_config(self):
        start = self.coefficients_initializer
        if not isinstance(start, str):
            start = keras.initializers.serialize(start)
        return {
            **super().get_config(),
            "num_templates": self.num_templates,
            "kernel_shape": self.kernel_shape,
            "num_layers": self.num_layers,
            "labels": self.labels,
            "templates_initializer": keras.initializers.serialize(
                self.templates_initializer
            ),
            "coefficients_initializer": start,
            "templates_regularizer": keras.regularizers.serialize(
                self.templates_regularizer
            ),
            "coefficients_regularizer": keras.regularizers.serialize(
                self.coefficients_regularizer
            ),
            "seed": self.seed,
        }


def split_kernels(stacked):
    """Return a list of kernels from a stack of kernels."""
    # The gradient of indexing would add up one array of the full size per layer.
    parts = ops.split(stacked, stacked.shape[0], axis=0)
    return [ops.squeeze(part, 0) for part in parts]


def _shape(kernel_shape):
    try:
        sizes = [check_size("kernel_shape", n) for n in kernel_shape]
    except (TypeError, ValueError):
        sizes = []
    if len(sizes) < 2:
        raise ValueError(
            "`kernel_shape` must be two or more positive integers, such as (3, 3, 64, "
            "64). "
            f"Received: kernel_shape={kernel_shape!r}."
        )
    return tuple(sizes)


def _label(name, value):
    return check_integer(name, value, -MAX_SIZE, maximum=MAX_SIZE)


def _labels(labels, num_layers):
    labels = check_sequence("labels", labels, _label)
    found = [int(label) for label in labels]
    if num_layers is None or len(found) != num_layers:
        raise ValueError(
            "`labels` must name a cluster for each of the `num_layers` layers. "
            f"Received: labels={found} for num_layers={num_layers}."
        )
    if set(found) != set(range(len(set(found)))):
        raise ValueError(
            "`labels` must use every integer from 0 up to their largest. Received: "
            f"labels={found}."
        )
    return found
