"""Plots of a pair show the parameters and sharing of its networks."""

import pytest

from keras_recur import analysis, zoo
from keras_recur.analysis._pair_boxes import parts_of

pytestmark = pytest.mark.once

PAIRS = {
    "mlp": {"width": 4, "input_shape": (2, 2, 1), "iterations": 9},
    "resnet_bn": {"width": 2, "input_shape": (8, 8, 1), "iterations": 8},
    "deep_thinking_1d": {"width": 4, "iterations": 3, "injection": "concat"},
    "scnn": {"width": 4, "iterations": 8},
    "swrn": {"width": 1, "input_shape": (8, 8, 1), "readout": "all"},
    "frnn": {"width": 2, "input_shape": (8, 8, 1), "iterations": 7, "states": 2},
    "feedback": {
        "width": 2,
        "input_shape": (8, 8, 1),
        "stack": 2,
        "modules": [[1, 1]],
    },
}


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("name", PAIRS)
def test_plot_pair_boxes_hold_all_parameters(name, tmp_path):
    pair = zoo.build(name, **PAIRS[name], seed=0, initializer="zeros")
    costs = pair.costs()
    for twin in ("recurrent", "feedforward"):
        parts = parts_of(getattr(pair, twin), 6)
        boxes = [box for part in parts for box in part.boxes + part.banks]
        expected = getattr(costs, twin).parameters
        assert sum(box.parameters for box in boxes) == expected
        assert boxes[0].title == "input" and boxes[-1].title == "readout"
        for part in parts:
            if part.loop is not None and not part.graph:
                assert len(part.boxes) <= 6
                turns = sum(box.iterations for box in part.boxes)
                assert turns == part.loop.iterations
    figure = analysis.plot_pair(pair, 3, tmp_path / "pair.png")
    assert (tmp_path / "pair.png").read_bytes().startswith(b"\x89PNG")
    assert f"{costs.recurrent.parameters:,} parameters" in words(figure)
    assert f"{costs.feedforward.parameters:,} parameters" in words(figure)


def sets(model, max_boxes=6):
    """Return the set of weights of each drawn iteration."""
    (part,) = (p for p in parts_of(model, max_boxes) if p.loop is not None)
    return [box.weights for box in part.boxes]


def test_plot_pair_marks_shared_weights():
    pair = zoo.build(
        "mlp", width=4, input_shape=(2, 2, 1), iterations=4, sharing=[0, 0, 1, 1]
    )
    assert sets(pair.recurrent) == [0, 0, 1, 1]
    assert sets(pair.feedforward) == [0, 1, 2, 3]
    said = words(analysis.plot_pair(pair))
    assert said.count("same weights") == 2
    assert said.count("2 times") == 2
    alone = zoo.build("mlp", width=4, input_shape=(2, 2, 1), iterations=4)
    assert "the same\nweights\n4 times" in words(analysis.plot_pair(alone))
    # Iterations in between are one box, with one set of weights or none.
    assert sets(zoo.build("mlp", width=4).recurrent, max_boxes=3) == [0, 0, 0]
    assert sets(zoo.build("mlp", width=4).feedforward, max_boxes=3) == [0, None, 4]


def test_plot_pair_mix_shows_coefficient_shares():
    pair = zoo.build("scnn", width=4, iterations=2, templates=2, seed=0)
    loop = pair.recurrent.get_layer("recurrent")
    loop.banks[0].coefficients.assign([[3.0, -1.0], [0.0, 2.0]])
    (part,) = (p for p in parts_of(pair.recurrent, 6) if p.loop is not None)
    shares = [[(bank, row.tolist()) for bank, row in box.mix] for box in part.boxes]
    assert shares == [[(0, [0.75, 0.25])], [(0, [0.0, 1.0])]]
    assert [bank.title for bank in part.banks] == ["2 templates"]
    # With several banks, each kernel has its bank: recall, and four of one shape.
    pair = zoo.build(
        "deep_thinking_1d", width=4, iterations=2, injection="concat", templates=3
    )
    (part,) = (p for p in parts_of(pair.recurrent, 6) if p.loop is not None)
    assert [bank for bank, _ in part.boxes[0].mix] == [0, 1, 1, 1, 1]
    analysis.plot_pair(pair)


def test_plot_pair_draws_injection_and_readouts():
    pair = zoo.build(
        "deep_thinking_1d", width=4, iterations=3, injection="add", readout="all"
    )
    said = words(analysis.plot_pair(pair))
    assert said.count("recall: add") == said.count("every state") == 2


def test_plot_pair_rejects_too_few_boxes():
    pair = zoo.build("mlp", width=4)
    with pytest.raises(
        ValueError, match="`max_boxes` must be an integer of at least 3"
    ):
        analysis.plot_pair(pair, max_boxes=2)
