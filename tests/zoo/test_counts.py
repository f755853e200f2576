"""Published parameter counts, reached exactly.

Sources: references of the families' modules. Where only three digits are published, the
integer is derived here and its rounding is the published figure.
"""

import math

import pytest
from families import FAMILIES

from keras_recur import zoo

pytestmark = pytest.mark.once
EMNIST = {"input_shape": (28, 28, 1), "num_classes": 47}
RECALL = {"injection": "concat"}
CHESS = {"input_shape": (8, 8, 12), "width": 512, "iterations": 1}


def count(model):
    return sum(math.prod(v.shape) for v in model.trainable_variables)


def counts(name, **arguments):
    pair = zoo.build(name, initializer="zeros", **arguments)
    return count(pair.recurrent), count(pair.feedforward)


# Family, arguments, recurrent count, and feed-forward counts by iterations.
EVERY_DEPTH = {
    "mlp CIFAR-10": ("mlp", {"width": 200}, 656_810)
    + ((656_810, 697_010, 737_210, 777_410, 817_610),),
    "mlp SVHN": ("mlp", {"width": 500}, 1_792_010)
    + ((1_792_010, 2_042_510, 2_293_010, 2_543_510, 2_794_010),),
    "mlp EMNIST": ("mlp", {"width": 500, **EMNIST}, 666_547)
    + ((666_547, 917_047, 1_167_547, 1_418_047, 1_668_547),),
    "convnet CIFAR-10, SVHN": ("convnet", {"width": 64}, 135_306)
    + ((135_306, 172_234, 209_162, 246_090, 283_018),),
    "convnet EMNIST": ("convnet", {"width": 128, **EMNIST}, 565_423)
    + ((565_423, 713_007, 860_591, 1_008_175, 1_155_759),),
}


@pytest.mark.parametrize("case", EVERY_DEPTH)
def test_counts_equal_the_paper_at_every_depth(case):
    name, arguments, recurrent, feedforward = EVERY_DEPTH[case]
    for iterations, expected in enumerate(feedforward, start=1):
        found = counts(name, iterations=iterations, **arguments)
        assert found == (recurrent, expected)


@pytest.mark.parametrize("iterations", [1, 2, 3, 4])
def test_counts_of_resnet_bn(iterations):
    stem = 9 * 3 * 256 + 2 * 256
    convolutions, norms = 4 * 9 * 256**2, 4 * 2 * 256
    last = 9 * 256 * 512 + 2 * 512 + 512 * 10 + 10
    found = counts("resnet_bn", iterations=iterations)
    assert found[0] == stem + convolutions + iterations * norms + last
    assert found[1] == stem + iterations * (convolutions + norms) + last
    rounded = {1: (3.555, 3.55), 2: (None, 5.92), 3: (None, 8.28), 4: (3.561, 10.64)}
    assert rounded[iterations][1] == pytest.approx(found[1] / 1e6, abs=0.0051)
    if rounded[iterations][0]:
        assert round(found[0] / 1e6, 3) == rounded[iterations][0]


def test_counts_of_resnet_bn_extremes():
    assert counts("resnet_bn", iterations=1)[0] == 3_554_570
    assert counts("resnet_bn", iterations=4)[0] == 3_560_714


def by_iterations(name, **arguments):
    """Extrapolate feed-forward counts, which are linear in the iterations."""
    (recurrent, one), (same, two) = (
        counts(name, iterations=iterations, **arguments) for iterations in (1, 2)
    )
    assert recurrent == same == one
    return lambda iterations: one + (iterations - 1) * (two - one)


def test_counts_of_resnet():
    # Depths 7, 11, 15 and 19. The reported counts below test 1 and 4 iterations.
    feedforward = by_iterations("resnet", width=512)
    integers = [feedforward(t) for t in (1, 2, 3, 4)]
    assert integers == [11_815_434, 21_252_618, 30_689_802, 40_126_986]
    assert [round(i / 1e6, 2) for i in integers] == [11.82, 21.25, 30.69, 40.13]
    assert counts("resnet", width=512, iterations=1, **EMNIST)[0] - integers[0] == 9_765


def test_counts_of_mazes():
    feedforward = by_iterations("deep_thinking_2d", width=128)
    depths = {1: 632_592, 2: 1_222_416, 3: 1_812_240, 4: 2_402_064}
    depths |= {5: 2_991_888, 6: 3_581_712, 8: 4_761_360, 10: 5_941_008}
    assert {t: feedforward(t) for t in depths} == depths
    rounded = [0.633, 1.222, 1.812, 2.402, 2.992, 3.582, 4.761, 5.941]
    assert [round(n / 1e6, 3) for n in depths.values()] == rounded
    assert feedforward(30) == 17_737_488 and round(17_737_488 / 1e6, 2) == 17.74


def test_counts_of_mazes_with_recall():
    feedforward = by_iterations("deep_thinking_2d", width=128, **RECALL)
    assert feedforward(1) == 783_504
    # In the paper's 17.89 M, all 30 iterations share one recall convolution.
    recall = 9 * (128 + 3) * 128
    assert feedforward(30) == 17_737_488 + 30 * recall == 22_264_848
    assert round((17_737_488 + recall) / 1e6, 2) == 17.89


def test_counts_of_prefix_sums():
    feedforward = by_iterations("deep_thinking_1d", width=400)
    assert feedforward(1) == 2_642_400
    assert feedforward(30) == 58_322_400 and round(58_322_400 / 1e6, 1) == 58.3
    recall = counts("deep_thinking_1d", width=400, iterations=1, **RECALL)
    assert recall == (3_123_600, 3_123_600)
    assert round((58_322_400 + 3_123_600 - 2_642_400) / 1e6, 1) == 58.8


LEAKY = {"update": "leaky", **RECALL}


def test_counts_of_the_leaky_update():
    assert counts("deep_thinking_1d", width=32, iterations=1, **LEAKY) == (7586, 7586)
    # One logit for every class: the others are those of a network with one logit.
    for sizes, one_logit in (((3, 3), 26_660), ((3, 1), 18_468)):
        patches = {"width": 32, "iterations": 1, "patch": 2, "kernel_sizes": sizes}
        found = counts("deep_thinking_2d", **patches, **LEAKY)[0]
        assert found == one_logit + 4 * (32 + 1)


@pytest.mark.parametrize("start", ["zeros", "normal"])
def test_other_first_states_need_no_projection(start):
    for name, weights in (("deep_thinking_1d", 3 * 8), ("deep_thinking_2d", 27 * 8)):
        network = {"width": 8, "iterations": 2, **RECALL}
        projected = counts(name, **network)
        found = counts(name, initial_state=start, **network)
        assert found == tuple(count - weights for count in projected)
        shown = {**network, "injection": "add"}  # Here the loop sees the projection.
        assert counts(name, initial_state=start, **shown) == counts(name, **shown)


@pytest.mark.parametrize("injection", [None, "add", "concat"])
@pytest.mark.parametrize("sizes", [(3,), (3, 1), (1, 5, 3)], ids=str)
@pytest.mark.parametrize(
    ("name", "dimensions", "patch"),
    [
        ("deep_thinking_1d", 1, 1),
        ("deep_thinking_2d", 2, 1),
        ("deep_thinking_2d", 2, 3),
    ],
)
def test_counts_of_the_leaky_update_follow_its_options(
    name, dimensions, patch, sizes, injection
):
    width, classes, iterations = 4, 3, 2
    channels, outputs = 2 * patch**dimensions, classes * patch**dimensions
    projection = (3**dimensions * channels + 1) * width
    head = (width + 1) * width + (width + 1) * outputs
    seen = [width] * len(sizes)
    if injection == "concat":
        seen[0] += channels
    # Kernels, biases and the leak.
    block = width + sum(
        (size**dimensions * inputs + 1) * width
        for size, inputs in zip(sizes, seen, strict=True)
    )
    found = counts(
        name,
        input_shape=(*[None] * dimensions, 2),
        num_classes=classes,
        width=width,
        iterations=iterations,
        injection=injection,
        update="leaky",
        kernel_sizes=sizes,
        **({"patch": patch} if dimensions == 2 else {}),
    )
    outside = projection + head
    assert found == (outside + block, outside + iterations * block)


def test_counts_of_residual_blocks_follow_the_kernel_sizes():
    a, b, width = 5, 1, 4
    convolutions = 2 * (a + b) * width**2
    recall = a * (width + 1) * width
    outside = 3 * (width + width**2 + width * 2 + 2 * 2)
    found = counts(
        "deep_thinking_1d", width=width, iterations=3, kernel_sizes=(a, b), **RECALL
    )
    block = recall + convolutions
    assert found == (outside + block, outside + 3 * block)


def test_counts_of_chess():
    plain = counts("deep_thinking_2d", **CHESS)[0]
    recall = counts("deep_thinking_2d", **CHESS, **RECALL)[0]
    assert (plain, recall) == (9_642_384, 12_056_976)
    assert (round(plain / 1e6, 2), round(recall / 1e6, 2)) == (9.64, 12.06)


def test_counts_of_wrn_and_swrn():
    """For CIFAR-10, as in the reference implementation. Linear in the templates."""
    named = {
        ("28", 10): (36_479_194, {1: 12_287_212, 2: 17_125_630, 3: 21_964_048}),
        ("28", 2): (1_467_610, {1: 499_948, 2: 693_502}),
        ("16", 8): (None, {1: 7_864_800}),
        ("40", 8): (None, {2: 10_975_766, 8: 29_555_402}),
    }
    named["28", 10][1].update({4: 26_802_466, 6: 36_479_302})
    for (depth, width), (wrn, by_templates) in named.items():
        found = counts("swrn", depth=int(depth), width=width, templates=1)
        loops = 2 * ((int(depth) - 4) // 6 - 1)  # Layers of each of the three banks.
        kernels = sum(9 * (16 * width * 2**stage) ** 2 for stage in range(3))
        assert wrn in (found[1], None)
        for templates, expected in by_templates.items():
            more = (templates - 1) * (kernels + 3 * loops)
            assert found[0] + more == expected, (depth, width, templates)


@pytest.mark.parametrize(("width", "expected"), [(14, 33_537_790), (18, 55_414_014)])
def test_counts_of_wide_swrn(width, expected):
    pair = zoo.build("swrn", width=width, initializer="zeros")
    assert count(pair.recurrent) == expected


def test_counts_and_macs_of_swrn_28_10_2():
    arguments = {"depth": 28, "width": 10, "templates": 2, "initializer": "zeros"}
    costs = zoo.build("swrn", **arguments).costs()
    assert costs.recurrent.parameters == 17_125_630
    assert costs.feedforward.parameters == 36_479_194
    assert round(costs.recurrent.macs / 1e6, 1) == 5_243.3
    assert costs.recurrent.macs == costs.feedforward.macs
    hundred = 64 * 10 * 90 + 90  # CIFAR-100 has a wider last layer.
    assert costs.recurrent.parameters + hundred == 17_183_320


def test_counts_of_swrn_50_2():
    pair = zoo.build("swrn_bottleneck", initializer="zeros")
    found = count(pair.recurrent), count(pair.feedforward)
    assert found == (57_807_728, 68_883_240)
    banks = [
        bank
        for stage in range(1, 5)
        for bank in pair.recurrent.get_layer(f"stage{stage}").banks
    ]
    assert len(banks) == 12

    def with_templates(number):
        own = found[0] - sum(count(bank) for bank in banks)
        sizes = [(math.prod(b.kernel_shape), b.num_layers) for b in banks]
        return own + sum(number(n) * (size + n) for size, n in sizes)

    assert with_templates(lambda layers: 1) == 39_703_372
    assert with_templates(lambda layers: layers) == 68_883_366


def test_counts_of_scnn():
    assert counts("scnn") == (186_129, 185_729)
    assert counts("scnn", templates=1) == (10_645, 185_729)


# The counts of SWRN are tested above, because its networks are large.
REPORTED = [(n, p) for n in FAMILIES for p in zoo.describe(n).reported if n != "swrn"]


@pytest.mark.parametrize(("name", "reported"), REPORTED, ids=lambda v: str(v)[:60])
def test_counts_equal_the_reported_ones(name, reported):
    costs = zoo.build(name, initializer="zeros", **reported.arguments).costs()
    assert costs.recurrent.parameters == reported.recurrent
    assert costs.feedforward.parameters == reported.feedforward
