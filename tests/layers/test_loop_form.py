"""`unroll="auto"` compiles one iteration of long runs in inference."""

import keras
import numpy as np
import pytest

from keras_recur import inference, zoo
from keras_recur.layers import SharedRecurrentBlock
from keras_recur.layers._loop_form import ROLLED_FROM, is_unrolled

COMPILED = keras.backend.backend() != "torch"


class Counted(keras.layers.Layer):
    """A contraction that counts its calls in Python."""

    calls = 0

    def call(self, x):
        Counted.calls += 1
        return 0.9 * x + 0.1


@pytest.mark.parametrize(
    ("iterations", "unroll", "rolled"),
    [
        (ROLLED_FROM, "auto", COMPILED),
        (ROLLED_FROM - 1, "auto", False),
        (ROLLED_FROM, True, False),
    ],
)
def test_predict_rolls_long_runs(iterations, unroll, rolled):
    inputs = keras.Input((3,))
    loop = SharedRecurrentBlock(Counted(), iterations, unroll=unroll)
    model = keras.Model(inputs, loop(inputs))
    Counted.calls = 0
    found = model.predict(np.zeros((2, 3), "float32"), verbose=0)
    np.testing.assert_allclose(found, 1 - 0.9**iterations, rtol=1e-5)
    assert (Counted.calls < 10) == rolled


@pytest.mark.parametrize(
    ("groups", "training", "expected"),
    [
        ([0] * ROLLED_FROM, True, True),
        ([0] * ROLLED_FROM, False, not COMPILED),
        ([0] * ROLLED_FROM, None, not COMPILED),
        (list(range(ROLLED_FROM)), False, True),
        ([0] * (ROLLED_FROM - 1), False, True),
    ],
    ids=["training", "inference", "unknown", "separate weights", "short"],
)
def test_auto_rolls_only_long_inference_on_shared_weights(groups, training, expected):
    assert is_unrolled("auto", groups, training) == expected


def test_zoo_and_with_iterations_take_the_form():
    pair = zoo.build("deep_thinking_1d", width=4, iterations=2)
    (loop,) = (la for la in pair.recurrent.layers if hasattr(la, "unroll"))
    assert loop.unroll == pair.config["unroll"] == "auto"
    x = np.random.default_rng(0).integers(0, 2, (2, 8, 1)).astype("float32")
    long = [
        inference.with_iterations(pair.recurrent, ROLLED_FROM, unroll=unroll)(x)
        for unroll in ("auto", True)
    ]
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, long), atol=1e-5)


def test_unroll_must_be_a_flag_or_auto():
    with pytest.raises(ValueError, match=r"`unroll` must be.*Received: unroll='no'"):
        SharedRecurrentBlock(Counted(), 2, unroll="no")
