"""Compare costs with arithmetic by hand, for small sizes."""

import json

import keras
import numpy as np
import pytest
from families import FAMILIES, GRAPHS, small

from keras_recur import inference, zoo
from keras_recur.layers import SharedRecurrentBlock

T = 3  # Iterations of the small pairs.
C = 3  # Classes of the small pairs.


# MACs outside the loop and in one iteration, then layers outside and in one iteration.
# mlp: 9 -> 4 | 4 -> 4 | 4 -> 3.
# convnet: 19x19 -> 17x17x2 -> 15x15x4 | 15x15x4 | pooled 5x5 -> 3x3x8 -> pooled 8 -> 3.
# resnet: 8x8 -> 4x4x2 | 4 convolutions | 2x2x512 -> 3.
# deep_thinking, width 4: projection | 4 convolutions | head of three.
BY_HAND = {
    "mlp": (9 * 4 + 4 * 3, 4 * 4, 2, 1),
    "convnet": (
        17**2 * 9 * 1 * 2 + 15**2 * 9 * 2 * 4 + 3**2 * 9 * 4 * 8 + 8 * 3,
        15**2 * 9 * 4 * 4,
        4,
        1,
    ),
    "resnet": (
        4**2 * 9 * 1 * 2 + 2**2 * 9 * 2 * 512 + 512 * 3,
        4 * 4**2 * 9 * 2 * 2,
        3,
        4,
    ),
    "deep_thinking_1d": (
        6 * 3 * (1 * 4 + 4 * 4 + 4 * 2 + 2 * 3),
        6 * 3 * 4 * 4 * 4,
        4,
        4,
    ),
    "deep_thinking_2d": (
        36 * 9 * (2 * 4 + 4 * 32 + 32 * 8 + 8 * 3),
        36 * 9 * 4 * 4 * 4,
        4,
        4,
    ),
}
BY_HAND["resnet_bn"] = BY_HAND["resnet"]
# scnn: projection | one convolution | mark.
BY_HAND["scnn"] = (36 * (2 * 4 + 4), 36 * 9 * 4 * 4, 2, 1)
# swrn: stem, three first blocks, of which two have a shortcut beside the longest path |
# two convolutions in each of three loops, on 8x8x16, 4x4x32 and 2x2x64 | 64 -> 3.
BY_HAND["swrn"] = (
    64 * 9 * (1 * 16 + 16 * 16 * 2)
    + 16 * (9 * (16 * 32 + 32 * 32) + 16 * 32)
    + 4 * (9 * (32 * 64 + 64 * 64) + 32 * 64)
    + 64 * 3,
    2 * 9 * (64 * 16**2 + 16 * 32**2 + 4 * 64**2),
    8,
    6,
)
# feedback: stem | four gates with two paths of two convolutions, of which one is on the
# longest path | 2 -> 3.
BY_HAND["feedback"] = (64 * 9 * 2 + 2 * 3, 64 * 9 * 2 * 2 * 16, 2, 2)
SIZES = {"scnn": (6, 6, 2), "deep_thinking_1d": (6, 1), "deep_thinking_2d": (6, 6, 2)}


@pytest.mark.once
@pytest.mark.parametrize("sharing", ["all", [0, 1, 0]], ids=str)
@pytest.mark.parametrize("name", BY_HAND)
def test_costs_count_macs_and_depth(name, sharing):
    outside, iteration, layers, per_iteration = BY_HAND[name]
    costs = small(name, sharing=sharing).costs(SIZES.get(name))
    for twin in (costs.recurrent, costs.feedforward):
        assert twin.macs == outside + T * iteration
        assert twin.effective_depth == layers + T * per_iteration


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "size", "recall"),
    [
        ("deep_thinking_1d", (6, 1), 6 * 3 * (4 + 1) * 4),
        ("deep_thinking_2d", (6, 6, 2), 36 * 9 * (4 + 2) * 4),
    ],
)
def test_costs_count_recall_in_every_iteration(name, size, recall):
    plain = small(name).costs(size).recurrent
    costs = small(name, injection="concat").costs(size).recurrent
    assert costs.macs - plain.macs == T * recall
    assert costs.effective_depth - plain.effective_depth == T


@pytest.mark.once
@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in GRAPHS])
def test_costs_count_the_head_for_every_readout(name):
    size = SIZES.get(name)
    last, every = (small(name, readout=r).costs(size) for r in ("last", "all"))
    head = {
        "mlp": 4 * 3,
        "convnet": 3**2 * 9 * 4 * 8 + 8 * 3,
        "resnet": 2**2 * 9 * 2 * 512 + 512 * 3,
        "resnet_bn": 2**2 * 9 * 2 * 512 + 512 * 3,
        "deep_thinking_1d": 6 * 3 * (4 * 4 + 4 * 2 + 2 * 3),
        "deep_thinking_2d": 36 * 9 * (4 * 32 + 32 * 8 + 8 * 3),
        "scnn": 36 * 4,
        "swrn": 64 * 3,
        "feedback": 2 * 3,
    }[name]
    for twin in ("recurrent", "feedforward"):
        one, all_ = getattr(last, twin), getattr(every, twin)
        assert all_.macs - one.macs == (T - 1) * head
        assert all_.effective_depth == one.effective_depth
        assert all_.parameters == one.parameters
        assert all_.activation_bytes > one.activation_bytes


@pytest.mark.once
def test_depth_equals_that_of_the_paper():
    # Figure 1: three iterations of a one-layer module and four other layers are 7.
    def depth(name, iterations, size=None):
        costs = small(name, iterations=iterations).costs(size)
        return costs.recurrent.effective_depth, costs.feedforward.effective_depth

    assert depth("convnet", 3) == (7, 7)
    assert depth("mlp", 5) == (7, 7)
    assert depth("resnet", 4) == depth("resnet_bn", 4) == (19, 19)
    assert depth("deep_thinking_2d", 10, (6, 6, 2)) == (44, 44)


def test_costs_count_normalization_separately():
    costs = small("resnet_bn").costs()
    once = 2 * (2 + 512)  # Mean and variance of the stem and the last convolution.
    rows = T * 4 * 2 * 2  # Four convolutions of two channels in every iteration.
    for twin in (costs.recurrent, costs.feedforward):
        assert twin.normalization_statistics == once + rows
        assert twin.per_iteration_parameters == rows


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_costs_count_neurons_and_synapses_of_a_loop_once(iterations):
    # A loop has N neurons and N^2 synapses, d layers have dN and dN^2.
    n, inputs = 7, 9
    costs = small("mlp", width=n, iterations=iterations).costs()
    others = n + C, inputs * n + n * C
    assert costs.recurrent.neurons - others[0] == n
    assert costs.feedforward.neurons - others[0] == iterations * n
    assert costs.recurrent.synapses - others[1] == n**2
    assert costs.feedforward.synapses - others[1] == iterations * n**2


def test_costs_count_activation_bytes():
    # Flattened input, first layer, every iteration, head: 4 bytes each.
    costs = small("mlp").costs()
    for twin in (costs.recurrent, costs.feedforward):
        assert twin.activation_bytes == 4 * (9 + 4 + T * 4 + C)
    half = small("mlp", dtype="mixed_bfloat16").costs().recurrent
    assert half.activation_bytes < costs.recurrent.activation_bytes


@pytest.mark.once
@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in GRAPHS])
def test_activation_bytes_grow_with_iterations_and_shrink_with_remat(name):
    def stored(**arguments):
        return (
            small(name, **arguments).costs(SIZES.get(name)).recurrent.activation_bytes
        )

    one, two, four = (stored(iterations=n) for n in (1, 2, 4))
    assert four - one == 3 * (two - one) > 0
    if name not in ("mlp", "convnet"):  # Their only layer computes the state.
        assert stored(iterations=4, remat=True) < four


@pytest.mark.once
def test_costs_require_known_sizes():
    pair = small("deep_thinking_2d")
    with pytest.raises(ValueError, match="is open.*Give `input_shape`"):
        zoo.costs(pair.recurrent)
    # The pair uses the example shape of the family.
    assert (
        pair.costs((24, 24, 2)).recurrent.macs
        == 16 * pair.costs((6, 6, 2)).recurrent.macs
    )
    assert zoo.build("deep_thinking_1d", width=8).costs().recurrent.macs > 0


def test_costs_reject_an_unknown_layer():
    model = keras.Sequential([keras.Input((3,)), keras.layers.PReLU()])
    with pytest.raises(ValueError, match="p_re_lu.*unknown. Allowed: Dense"):
        zoo.costs(model)


def test_costs_accept_a_user_model():
    block = keras.Sequential(
        [keras.layers.Dense(6, use_bias=False), keras.layers.ReLU()]
    )
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(6),
            SharedRecurrentBlock(block, 4),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
    )
    costs = zoo.costs(model)
    assert costs.macs == 5 * 6 + 4 * 6 * 6 + 6 * 2
    assert costs.effective_depth == 6
    assert costs.parameters == 5 * 6 + 6 + 6 * 6 + 6 * 2 + 2
    longer = zoo.costs(inference.with_iterations(model, 9))
    assert longer.macs == 5 * 6 + 9 * 6 * 6 + 6 * 2


def test_pair_costs_print_a_table_with_ratios():
    costs = small("mlp").costs()
    ratios = costs.ratios()
    assert ratios["macs"] == 1 and ratios["normalization_statistics"] is None
    assert ratios["parameters"] == pytest.approx((9 * 4 + 4 + T * 20 + 15) / 75)
    again = json.loads(json.dumps(costs.as_dict()))
    assert again["recurrent"]["parameters"] == 75 and again["ratios"] == ratios
    lines = str(costs).splitlines()
    assert "recurrent" in lines[0] and len(lines) == 1 + len(ratios)
    assert any(line.startswith("macs") and line.endswith("1.00") for line in lines)
    assert np.all([len(line) == len(lines[0]) for line in lines])
