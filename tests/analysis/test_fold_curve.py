"""The curve over thresholds, compared with single folds and scores."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from banked import banks, dense, filled, is_png, model_of, tanh
from compare import array
from keras import layers

from keras_recur.analysis import FoldCurve, fold, fold_curve, update_batch_norm
from keras_recur.layers import SharedRecurrentBlock, TemplateBank
from keras_recur.metrics import PositiveF1

THRESHOLDS = (1.0, 0.9, 0.5, 0.0)


def examples(model, *sizes):
    """Return batches of inputs with the classes that the model predicts."""
    x = np.random.default_rng(4).normal(size=(150, 4)).astype("float32")
    y = array(model(x)).argmax(-1)
    ends = np.cumsum(sizes or (150,))[:-1]
    return list(zip(np.split(x, ends), np.split(y, ends), strict=True))


def unbiased(model):
    """Set offsets of a model to zero, so that its predictions cover all classes."""
    for weight in model.weights:
        if any(name in weight.name for name in ("bias", "beta", "mean")):
            weight.assign(array(weight) * 0)
    return model


def graph():
    return unbiased(dense(num_layers=5, templates=4, name="bank"))


def looped():
    block = keras.Sequential([tanh(), layers.BatchNormalization()])
    loop = SharedRecurrentBlock(block, 4, TemplateBank(3), name="loop")
    return unbiased(filled(model_of(loop)))


def share_right(model, data):
    return np.mean(
        np.concatenate([array(model(x)).argmax(-1) == labels for x, labels in data])
    )


def test_fold_curve_matches_fold_at_each_threshold():
    whole = graph()
    data = examples(whole, 100, 50)
    curve = fold_curve(whole, data, THRESHOLDS)
    assert isinstance(curve, FoldCurve)
    assert curve.accuracy == 1.0 and curve.parameters == whole.count_params()
    for found, threshold in zip(curve.folds, THRESHOLDS, strict=True):
        folded = fold(whole, threshold)
        assert found.threshold == threshold
        labels = banks(folded)["bank"].labels
        assert found.clusters == {"bank": len(set(labels or range(5)))}
        assert found.parameters == folded.count_params()
        assert found.accuracy == pytest.approx(share_right(folded, data), abs=1e-6)
        assert found.recalibrated is None and found.fine_tuned is None
    assert [f.clusters["bank"] for f in curve.folds] == [5, 4, 3, 1]
    assert [f.parameters for f in curve.folds] == [104, 89, 73, 41]
    accuracies = [f.accuracy for f in curve.folds]
    assert accuracies[0] == 1 > accuracies[1] > accuracies[2] > 0.25


def test_fold_curve_prints_table_and_returns_data(tmp_path):
    whole = looped()
    data = examples(whole)
    curve = fold_curve(
        whole,
        data,
        [1.0, 0.0],
        calibration_data=data,
        fine_tune=lambda model: None,
    )
    head, top, first, last = str(curve).splitlines()
    assert head.split() == [
        *("threshold", "clusters", "parameters", "folded", "recalibrated"),
        "fine-tuned",
    ]
    assert len({len(line) for line in (head, first, last)}) == 1
    assert top.split() == ["-", "not", "folded", str(curve.parameters), "1.0000"]
    for line, found in zip((first, last), curve.folds, strict=True):
        scores = found.accuracy, found.recalibrated, found.fine_tuned
        assert line.split() == [
            f"{found.threshold:.3f}",
            str(found.clusters["loop/bank_4x4"]),
            str(found.parameters),
            *(f"{score:.4f}" for score in scores),
        ]
    short = str(fold_curve(whole, data, [0.5])).splitlines()[2].split()
    assert short[-2:] == ["-", "-"]
    as_dict = json.loads(json.dumps(curve.as_dict()))
    assert as_dict["parameters"] == curve.parameters
    assert as_dict["folds"][1] == dataclasses.asdict(curve.folds[1])
    figure = curve.plot(tmp_path / "new" / "curve.png")
    width, height = is_png(tmp_path / "new" / "curve.png")
    assert width > height > 300
    assert figure.axes[0].get_ylabel() == curve.score == "accuracy"
    assert figure.axes[0].get_ylim() == (-0.02, 1.02)
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels == ["not folded", "folded", "recalibrated", "fine-tuned"]


def test_fold_curve_fine_tunes_each_model():
    whole, seen = graph(), []
    data = examples(whole)

    def fine_tune(folded):
        seen.append(banks(folded)["bank"].clusters)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        folded.compile(keras.optimizers.Adam(0.05), loss)
        folded.fit(*examples(whole)[0], 10, epochs=3, verbose=0)

    before = [array(w) for w in whole.weights]
    curve = fold_curve(whole, data, [0.5, 0.0], fine_tune=fine_tune)
    assert seen == [3, 1] == [f.clusters["bank"] for f in curve.folds]
    for found in curve.folds:
        assert found.fine_tuned > found.accuracy
        assert found.recalibrated is None
    for weight, old in zip(whole.weights, before, strict=True):
        np.testing.assert_array_equal(array(weight), old)


def test_fold_curve_updates_statistics_from_calibration_data():
    whole = looped()
    update_batch_norm(whole, examples(whole))
    data = examples(whole)
    assert np.bincount(data[0][1]).max() < 100
    for weight in whole.weights:
        if "moving_mean" in weight.name:
            weight.assign(array(weight) + [3, 0, 0, 0])
    curve = fold_curve(whole, data, [1.0], calibration_data=data)
    (found,) = curve.folds
    assert found.accuracy == pytest.approx(curve.accuracy) and found.accuracy < 0.7
    assert found.recalibrated > 0.98


def test_fold_curve_uses_metric_and_space():
    whole = graph()
    bank = banks(whole)["bank"]
    templates = array(bank.templates)  # Nearly equal from now on.
    bank.templates.assign(templates[:1] + 0.01 * templates)
    bank.coefficients.assign(0.1 + np.eye(5, 4) + np.eye(5)[:, 4:])
    data = examples(whole)
    makes = lambda: keras.metrics.SparseTopKCategoricalAccuracy(4)  # noqa: E731
    curve = fold_curve(whole, data, [0.0], metric=makes)
    assert curve.score == "sparse_top_k_categorical_accuracy"
    assert fold_curve(whole, data, [0.0], metric=PositiveF1).score == "F1"
    assert curve.folds[0].accuracy == 1.0
    for space, clusters in (("kernels", 1), ("coefficients", 5)):
        (found,) = fold_curve(whole, data, [0.95], space=space).folds
        assert found.clusters == {"bank": clusters}


def test_fold_curve_rejects_bad_arguments():
    whole = graph()
    data = examples(whole)
    with pytest.raises(ValueError, match="`thresholds` must have at least 1 item"):
        fold_curve(whole, data, [])
    with pytest.raises(ValueError, match=r"`thresholds\[1\]`.*1.2"):
        fold_curve(whole, data, [1.0, 1.2])
    with pytest.raises(ValueError, match="has no template bank"):
        fold_curve(model_of(tanh()), data)
    with pytest.raises(ValueError, match="has no batch normalization"):
        fold_curve(whole, data, [0.5], calibration_data=data)
