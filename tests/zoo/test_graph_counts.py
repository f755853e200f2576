"""Every integer that follows from the states and transitions of Liao and Poggio 2016.

arXiv:1604.03640, Figure 3 and Table 1: states of 32x32x64, 16x16x128 and 8x8x256. The
counts are of transitions alone, without scale and offset, where nothing else is said.
"""

import keras
import pytest

from keras_recur import zoo
from keras_recur.layers import RecurrentGraph, resnet_transitions

pytestmark = pytest.mark.once
THREE = {"V1": (32, 32, 64), "V2": (16, 16, 128), "V4": (8, 8, 256)}


def costs_of(*arguments, **options):
    layer = RecurrentGraph(*arguments, kernel_initializer="zeros", **options)
    inputs = keras.Input(next(iter(layer.states.values())))
    return layer, zoo.costs(keras.Model(inputs, layer(inputs)))


# Graph, steps, evaluations, untied parameters, millions of MACs and statistics, first
# pruned, then simulated in full.
COUNTS = [
    ("full", 4, (24, 30), (11_261_952, 13_086_720), (1_311.8, 1_637.4), 13_888),
    ("full", 9, (69, 75), (31_905_792, 33_730_560), (3_765.4, 4_091.0), 40_768),
    ("adjacent", 4, (14, 21), (6_414_336, 8_017_920), (792.7, 1_189.1), 7_808),
    ("adjacent", 9, (49, 56), (22_450_176, 24_053_760), (2_774.5, 3_170.9), 28_288),
]
SHARED = {"full": 4_128_768, "adjacent": 3_207_168}


@pytest.mark.parametrize("prune", [True, False])
@pytest.mark.parametrize(
    ("graph", "steps", "evaluations", "untied", "macs", "statistics"), COUNTS
)
def test_counts_of_three_states(
    graph, steps, evaluations, untied, macs, statistics, prune
):
    place = 0 if prune else 1
    for sharing, parameters in (("all", SHARED[graph]), ("none", untied[place])):
        layer, costs = costs_of(THREE, graph, steps, sharing=sharing, prune=prune)
        assert len(layer.schedule().evaluations) == evaluations[place]
        assert costs.parameters == parameters
        assert round(costs.macs / 1e6, 1) == macs[place]
        if prune:
            assert costs.normalization_statistics == statistics


@pytest.mark.parametrize(("graph", "channels"), [("full", 5_376), ("adjacent", 4_096)])
def test_counts_of_shared_scales_and_offsets(graph, channels):
    plain = costs_of(THREE, graph, 9)[1].parameters
    assert costs_of(THREE, graph, 9, affine="shared")[1].parameters == plain + channels


@pytest.mark.parametrize(
    ("graph", "parameters"), [("full", 348_768), ("adjacent", 206_784)]
)
def test_counts_of_four_states(graph, parameters):
    names = ("V1", "V2", "V4", "IT")
    states = {n: (32 >> i, 32 >> i, 8 << i) for i, n in enumerate(names)}
    layer, costs = costs_of(states, graph, 5)
    assert costs.parameters == parameters
    # Two convolutions with a stride of two cannot bridge three levels.
    lengths = [sum("conv" in la.name for la in block.layers) for block in layer.blocks]
    assert lengths.count(3) == (2 if graph == "full" else 0)
    assert set(lengths) <= {2, 3}


@pytest.mark.parametrize("width", [16, 32, 64])
def test_counts_of_two_states_by_step(width):
    """Transitions that do not reach the readout are not counted."""
    states = {"V1": (32, 32, width), "V2": (16, 16, 2 * width)}
    unit = width**2 * 4.5
    # 1 to 2, then 1 to 1 and 2 to 2, then 2 to 1.
    counts = [9 * unit, (9 + 4 + 16) * unit, (9 + 4 + 16 + 9) * unit]
    found = [costs_of(states, "full", s)[1].parameters for s in (1, 2, 3, 4)]
    assert found == [*counts, counts[-1]]
    if width == 64:
        assert found == [165_888, 534_528, 700_416, 700_416]


@pytest.mark.parametrize("loops", [1, 10, 20])
def test_counts_of_a_residual_network_of_two_states(loops):
    states = dict(list(THREE.items())[:2])
    transitions, steps = resnet_transitions(list(states), [loops, 1])
    assert steps == loops + 2
    shared, untied = (
        costs_of(states, transitions, steps, "sum", sharing)[1].parameters
        for sharing in ("all", "none")
    )
    assert (shared, untied) == (534_528, 460_800 + 73_728 * loops)


@pytest.mark.parametrize(
    ("width", "shared", "fixed", "each"),
    [
        (64, 2_377_728, 829_440, 1_548_288),
        (16, 148_608, 51_840, 96_768),
    ],
)
@pytest.mark.parametrize("loops", [1, 3])
def test_counts_of_a_residual_network_of_three_states(
    width, shared, fixed, each, loops
):
    states = {n: (*s[:2], s[2] * width // 64) for n, s in THREE.items()}
    transitions, steps = resnet_transitions(list(states), [loops] * 3)
    found = [
        costs_of(states, transitions, steps, "sum", sharing)[1].parameters
        for sharing in ("all", "none")
    ]
    assert found == [shared, fixed + each * loops]


@pytest.mark.parametrize("time", [5, 10])
def test_depth_is_twice_the_readout_time_plus_three(time):
    """Table 1 counts the layers with weights and the pooling."""
    costs = zoo.build(
        "frnn", prenet=3, iterations=time - 1, initializer="zeros"
    ).costs()
    assert costs.recurrent.effective_depth + 1 == 2 * time + 3
    assert costs.feedforward.effective_depth + 1 == 2 * time + 3


def test_counts_of_pre_net_and_post_net():
    """The pre-net of three convolutions, and a dense layer from 256 to 10."""
    with_ends = zoo.build("frnn", prenet=3, initializer="zeros").costs().recurrent
    scales = 2 * (2 * 64) + 2 * 256  # Pre-net and post-net.
    assert with_ends.parameters == 4_206_794 + scales
    alone = costs_of(THREE, "full", 4)[1]
    pre_net = 32 * 32 * 9 * (3 * 64 + 64 * 64 + 64 * 64)
    assert round(pre_net / 1e6, 2) == 77.27
    assert with_ends.macs == alone.macs + pre_net + 256 * 10
