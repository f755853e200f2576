"""Stop rules selected on held-out data, and metrics of early exit."""

import numpy as np
import pytest

from keras_recur import analysis, data, inference, zoo
from keras_recur.inference import StopRule

MAXIMUM = 12


@pytest.fixture(scope="module")
def model():
    """Return a published network whose answers turn right and wrong again."""
    return zoo.load("deep_thinking_1d-prefix_sums-32-bits").recurrent


def examples(split, count=60):
    return data.load("prefix_sums", split, 30, size=48, num_examples=count)


def exits_of(model, rule, batches):
    """Return accuracy and iterations from the outputs of all iterations."""
    every = inference.with_iterations(model, MAXIMUM, readout="all", unroll=False)
    predictor = inference.EarlyExitPredictor(model, rule, MAXIMUM)
    hits, stops = [], []
    for x, y in (batches[i] for i in range(len(batches))):
        answers = every.predict_on_batch(x).argmax(-1)
        signals = np.stack([signal for _, signal, _ in predictor.follow(x)], axis=1)
        stop, _ = rule.exits(signals)
        right = (answers == y[:, None]).all(axis=-1)
        hits.append(right[np.arange(len(x)), stop - 1])
        stops.append(stop)
    return np.concatenate(hits).mean(), np.concatenate(stops).mean()


@pytest.mark.once
@pytest.mark.parametrize(
    "kind", ["confidence", "agreement", "change", "kl", "residual"]
)
def test_select_stop_rule_minimizes_iterations_at_accuracy(kind, model):
    held_out = examples("validation")
    wanted = 0.9 if kind == "residual" else 0.5  # It stops after 4 iterations or more.
    found = analysis.select_stop_rule(model, kind, held_out, wanted, MAXIMUM)
    assert found.accuracy >= wanted and found.iterations < MAXIMUM
    accuracy, iterations = exits_of(model, found.rule, held_out)
    assert (found.accuracy, found.iterations) == pytest.approx((accuracy, iterations))
    others = [row for row in found.candidates if row[1] >= wanted]
    # A single agreement is enough here.
    assert len(others) == MAXIMUM or len(found.candidates) > len(others) > 0
    assert min(row[2] for row in others) == found.iterations
    curve = analysis.iteration_curve(model, held_out, MAXIMUM)
    assert found.fixed_accuracy == pytest.approx(curve[-1])
    # More accuracy costs at least as many iterations.
    usual = analysis.select_stop_rule(model, kind, held_out, max_iterations=MAXIMUM)
    assert usual.accuracy >= usual.fixed_accuracy
    assert usual.iterations >= found.iterations
    assert str(usual.rule) in str(usual) and "on average" in str(usual)


def test_select_stop_rule_changes_only_threshold(model):
    rule = StopRule("confidence", 0.2, patience=2, reduction="mean")
    found = analysis.select_stop_rule(
        model, rule, examples("validation", 30), 0.3, MAXIMUM
    )
    assert (found.rule.patience, found.rule.reduction) == (2, "mean")
    assert found.rule.threshold != 0.2


def test_select_stop_rule_rejects_unreachable_accuracy(model):
    test = examples("validation", 30)
    with pytest.raises(
        ValueError, match="reaches the requested acc.*Nearest: 0.*after all 2"
    ):
        analysis.select_stop_rule(model, "confidence", test, 1.0, 2)
    with pytest.raises(ValueError, match="accuracy=90.*a share of examples"):
        analysis.select_stop_rule(model, "confidence", test, 90)
    with pytest.raises(ValueError, match="no examples"):
        analysis.select_stop_rule(model, "confidence", [])


def test_exit_metrics_match_predictor(model):
    test = examples("test")
    rule = StopRule("agreement", patience=2)
    metrics = analysis.exit_metrics(
        inference.EarlyExitPredictor(model, rule, MAXIMUM), test
    )
    accuracy, iterations = exits_of(model, rule, test)
    assert metrics.accuracy == pytest.approx(accuracy)
    assert metrics.iterations.mean() == pytest.approx(iterations)
    assert metrics.right.mean() == metrics.accuracy
    assert metrics.saved == pytest.approx(1 - iterations / MAXIMUM)
    curve = analysis.iteration_curve(model, test, MAXIMUM)
    assert metrics.fixed_accuracy == pytest.approx(curve[-1])
    assert ((metrics.confidence > 0.5) & (metrics.confidence <= 1)).all()
    figure = analysis.plot_exit_metrics(metrics, trained=8)
    left, right = figure.axes
    bars = sum(patch.get_height() for patch in left.patches if patch.get_width() == 1)
    assert bars == len(metrics.right)
    assert "% saved" in figure.get_suptitle()
    with pytest.raises(ValueError, match="must be a keras_recur.inference.EarlyExit"):
        analysis.exit_metrics(model, test)
    with pytest.raises(ValueError, match="no examples"):
        analysis.exit_metrics(inference.EarlyExitPredictor(model, rule), [])


def test_exit_metrics_ignore_unscored_positions(model):
    x, y = examples("test", 30)[0]
    predictor = inference.EarlyExitPredictor(model, "agreement", MAXIMUM)
    found = predictor(x).classes
    halves = y.copy()
    halves[:, 5:] = -1
    metrics = analysis.exit_metrics(predictor, [(x, halves)])
    assert metrics.accuracy == (found[:, :5] == y[:, :5]).all(axis=1).mean()
    assert metrics.accuracy > (found == y).all(axis=1).mean() - 1e-9
