"""Data, blocks, training and comparison for the tests of layers."""

import keras
import numpy as np
from compare import array, weights
from keras import layers, ops, tree

from keras_recur.layers import current_iteration

LOOPS = {
    "unrolled": {},
    "rolled": {"unroll": False},
    "remat": {"remat": True},
    "rolled+remat": {"unroll": False, "remat": True},
}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def model_of(*parts, shape=(4,)):
    """Return a Functional model of layers (or functions), one after the other."""
    start = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(start, x)


def train(model, x=None, jit="auto", epochs=1, rate=0.1):
    """Train for some steps of SGD towards ones; return the results as arrays.

    Without `jit`, TensorFlow runs eagerly because tracing is slow.
    """
    x = normal(8, *model.input_shape[1:]) if x is None else x
    y = np.ones(model.compute_output_shape(x.shape), "float32")
    eager = jit == "auto" and keras.backend.backend() == "tensorflow"
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, "mse", jit_compile=jit, run_eagerly=eager)
    losses = []
    for _ in range(epochs):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x, y)))
    return {
        "loss": losses,
        "weights": weights(model),
        "seeds": [array(v) for v in model.non_trainable_variables if "int" in v.dtype],
        "predictions": array(model(x, training=False)),
    }


def unseeded(result):
    """Return results without seeds: a loop has a seed for progressive calls."""
    return {key: value for key, value in result.items() if key != "seeds"}


def dense(units=4, **arguments):
    return layers.Dense(units, **{"activation": "tanh", **arguments})


def registered(cls):
    return keras.saving.register_keras_serializable(package="tests")(cls)


@registered
class GatedCell(layers.Layer):
    """Gated cell with two tensors, hidden and memory, as a tuple or a dictionary."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gates = layers.Dense(2 * units, dtype=self.dtype_policy)

    def build(self, state_shape):
        self.gates.build((None, 2 * self.units))

    def call(self, state):
        hidden, memory = tree.flatten(state)
        gates = self.gates(ops.concatenate([hidden, memory], axis=-1))
        candidate, gate = ops.split(gates, 2, axis=-1)
        gate = ops.sigmoid(gate)
        memory = gate * memory + (1 - gate) * ops.tanh(candidate)
        return tree.pack_sequence_as(state, [ops.tanh(memory), memory])

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@registered
class Counting(layers.Layer):
    """Look up a row with the integer of the state, and increment the integer."""

    def build(self, state_shape):
        self.rows = self.add_weight(shape=(8, 4), initializer="normal")

    def call(self, state):
        row = ops.take(self.rows, state["count"], axis=0)
        return {"count": state["count"] + 1, "h": state["h"] + row}


@registered
class Increment(layers.Layer):
    """Add a weight that starts at 1, so that the output counts the iterations."""

    def build(self, shape):
        self.step = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        return x + self.step


@registered
class AddIndex(layers.Layer):
    """Add index + 100 * iterations of the running iteration."""

    def call(self, x):
        loop = current_iteration()
        return x + ops.cast(loop.index, x.dtype) + 100 * loop.iterations


@registered
class Nested(layers.Layer):
    """A user's layer with an inner layer."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x, training=None):
        return self.inner(x, training=training)

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "inner": inner}

    @classmethod
    def from_config(cls, config):
        inner = keras.saving.deserialize_keras_object(config.pop("inner"))
        return cls(inner, **config)


@registered
class Penalty(layers.Layer):
    def call(self, x):
        self.add_loss(0.1 * ops.mean(ops.square(x)))
        return x


@registered
class AddMean(layers.Layer):
    """Add the mean over the positions that are not padding."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        if mask is None:
            return x + ops.mean(x, axis=1, keepdims=True)
        there = ops.cast(ops.expand_dims(mask, -1), x.dtype)
        total = ops.sum(x * there, axis=1, keepdims=True)
        return x + total / ops.sum(there, axis=1, keepdims=True)


@registered
class NewMask(layers.Layer):
    """Return the input with a mask where it is negative, or stop the mask."""

    def __init__(self, stops=False, **kwargs):
        super().__init__(**kwargs)
        self.stops = stops
        self.supports_masking = True

    def call(self, x):
        return 1.0 * x

    def compute_mask(self, inputs, previous_mask):
        return None if self.stops else inputs[..., 0] >= 0

    def get_config(self):
        return {**super().get_config(), "stops": self.stops}
