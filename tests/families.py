"""Helpers of the tests of the zoo. A new family adds a line to SMALL."""

import copy
import functools

import keras
import numpy as np
import pytest
from compare import array

from keras_recur import zoo
from keras_recur.layers import RecurrentGraph, SharedRecurrentBlock

# The smallest network of each family. Families with template banks share all weights
# here; SOFT has the banks. swrn_bottleneck is always large, see test_counts.py.
SMALL = {
    "mlp": {"input_shape": (3, 3, 1), "width": 4},
    "convnet": {"input_shape": (19, 19, 1), "width": 4},
    "resnet": {"input_shape": (8, 8, 1), "width": 2},
    "resnet_bn": {"input_shape": (8, 8, 1), "width": 2},
    "deep_thinking_1d": {"input_shape": (None, 1), "width": 4},
    "deep_thinking_2d": {"input_shape": (None, None, 2), "width": 4},
    "swrn": {"input_shape": (8, 8, 1), "width": 1, "sharing": "all"},
    "feedback": {
        "input_shape": (8, 8, 1),
        "width": 2,
        "stack": 2,
        "modules": [[1, 1]],
        "time_skip": 2,
    },
    "frnn": {"input_shape": (8, 8, 1), "width": 2, "states": 2, "prenet": 3},
    "frnn_text": {"width": 4},
    "multistate_resnet": {"input_shape": (8, 8, 1), "width": 2},
    "scnn": {"width": 4, "num_classes": 2, "sharing": "all"},
}
FAMILIES = sorted(SMALL)

# The feed-forward twin is an ordinary network, so one backend is enough for it.
twins = pytest.mark.parametrize(
    "twin", ["recurrent", pytest.param("feedforward", marks=pytest.mark.once)]
)

# State graphs evaluate other transitions for other numbers of steps, see
# tests/layers/test_recurrent_graph.py.
GRAPHS = ("frnn", "frnn_text", "multistate_resnet")

LEAKY_1D = {"name": "deep_thinking_1d", "injection": "concat", "update": "leaky"}

# Every family with its defaults, and with each of its options.
VARIANTS = {name: {"name": name} for name in FAMILIES} | {
    "1d recall": {"name": "deep_thinking_1d", "injection": "concat"},
    "1d fixed start, damping": {
        "name": "deep_thinking_1d",
        "injection": "add",
        "initial_state": "fixed_normal",
        "damping": 0.1,
    },
    "2d add, group norm": {
        "name": "deep_thinking_2d",
        "injection": "add",
        "normalization": "group",
    },
    "1d leaky": LEAKY_1D,
    "1d leaky, short reach": {**LEAKY_1D, "kernel_sizes": (3, 1)},
    "2d leaky, patches": {
        **LEAKY_1D,
        "name": "deep_thinking_2d",
        "normalization": "group",
        "patch": 2,
    },
    "2d patches": {"name": "deep_thinking_2d", "injection": "concat", "patch": 2},
}
# Soft sharing: the kernels of every iteration are mixes of two templates.
SOFT = {
    "mlp": {"name": "mlp"},
    "convnet": {"name": "convnet"},
    "resnet_bn": {"name": "resnet_bn"},
    "1d recall": {"name": "deep_thinking_1d", "injection": "concat"},
    "1d leaky": LEAKY_1D,
    "scnn": {"name": "scnn"},
    "swrn": {"name": "swrn"},
}


def small(name, **arguments):
    """Return a small pair with three iterations and three classes, always the same.

    Its layers are built once, because building is slower than most tests. The weights
    are the initial ones, and the models are new and not compiled.
    """
    built, first = _built(name, _Arguments(arguments))
    pair = copy.copy(built)
    pair.recurrent, pair.feedforward = (
        keras.Model(model.input, model.output, name=model.name)
        for model in (built.recurrent, built.feedforward)
    )
    for model, values in zip((pair.recurrent, pair.feedforward), first, strict=True):
        for variable, value in zip(model.variables, values, strict=True):
            variable.assign(value)
    return pair


class _Arguments(dict):
    """Arguments that a cache can look up."""

    def __hash__(self):
        return hash(repr(sorted(self.items())))


@functools.cache
def _built(name, arguments):
    common = {"iterations": 3, "num_classes": 3, "seed": 1, "initializer": "zeros"}
    arguments = {**common, **SMALL[name], **arguments}
    if "templates" in arguments:
        arguments.pop("sharing", None)
    if name == "swrn":  # 6n + 4 layers iterate n - 1 blocks of every stage.
        arguments["depth"] = 6 * (arguments.pop("iterations") + 1) + 4
    if name == "frnn_text":  # One step per character.
        arguments["input_shape"] = (arguments.pop("iterations"),)
    if name == "multistate_resnet":  # Two steps follow the loop of the first state.
        arguments["iterations"] += 2
        if isinstance(arguments.get("sharing"), list):
            arguments["sharing"] = [*arguments["sharing"], 2, 2]
    pair = zoo.build(name, **arguments)
    # Positive offsets, because all ReLUs of a small network may be dead. Kernels like
    # those of he_normal, for which JAX compiles a program for each shape.
    rng = np.random.default_rng(1)
    for model in (pair.recurrent, pair.feedforward):
        for weight in model.weights:
            if "bias" in weight.name or "gamma" in weight.name:
                weight.assign(rng.uniform(0.3, 0.9, weight.shape))
            if weight.name in ("kernel", "templates"):
                summed = weight.shape[weight.name == "templates" : -1]
                scale = (2 / np.prod(summed)) ** 0.5
                weight.assign(scale * rng.normal(size=weight.shape))
    first = [
        [array(variable) for variable in model.variables]
        for model in (pair.recurrent, pair.feedforward)
    ]
    return pair, first


forget = _built.cache_clear


def sized(shape):
    return tuple(size or 6 for size in shape)


def inputs_for(model, batch=4, seed=0):
    shape = (batch, *sized(model.input_shape[1:]))
    rng = np.random.default_rng(seed)
    if model.inputs[0].dtype == "int32":
        # All three characters at every position, because normalization maps two values
        # to 1 and -1 for all weights.
        return rng.permuted(np.indices(shape, "int32")[0] % 3, axis=0)
    return rng.normal(size=shape).astype("float32")


def labels_for(model, x):
    shape = model.compute_output_shape(x.shape)
    positions = shape[:1] + shape[2:-1] if _reads_all(model) else shape[:-1]
    return np.random.default_rng(5).integers(0, shape[-1], positions).astype("int32")


def _reads_all(model):
    return model.get_layer("readout").readout == "all"


LOOPS = (RecurrentGraph, SharedRecurrentBlock)


def loop_of(model):
    """Return the first loop of a model."""
    return next(la for la in model.layers if isinstance(la, LOOPS))


def places(loop):
    """Return the block and rows of every application of a loop's weights."""
    found = loop.applications()
    blocks = list(dict.fromkeys(id(block) for block, *_ in found.values()))
    return {key: (blocks.index(id(b)), *rows) for key, (b, *rows) in found.items()}


def step(model, x, y, *, loss, rate=10.0, jit="auto"):
    """Run one step of SGD and return new weights and gradients by id.

    TensorFlow is eager without `jit`, because tracing is slow.
    """
    before = [array(w) for w in model.weights]
    eager = jit == "auto" and keras.backend.backend() == "tensorflow"
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, loss, jit_compile=jit, run_eagerly=eager)
    model.train_on_batch(x, y)
    after = [array(w) for w in model.weights]
    return {
        id(w): (new, (old - new) / rate)
        for w, old, new in zip(model.weights, before, after, strict=True)
    }


def counterparts(pair):
    """Yield every recurrent weight and its copies in the feed-forward twin."""
    for layer in pair.recurrent.layers:
        if not layer.weights:
            continue
        twin = pair.feedforward.get_layer(layer.name)
        if not isinstance(layer, LOOPS):
            for weight, copy in zip(layer.weights, twin.weights, strict=True):
                yield weight, [copy]
            continue
        copies, theirs = {}, twin.applications()
        assert len(twin.blocks) == len(theirs)
        for key, (block, row, _) in layer.applications().items():
            assert row == len(copies.setdefault(id(block), []))
            copies[id(block)].append(theirs[key][0])
        for block in layer.blocks:
            for i, weight in enumerate(block.weights):
                yield weight, [copy.weights[i] for copy in copies[id(block)]]
