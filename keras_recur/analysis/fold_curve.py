"""Parameters and accuracy of folded models over thresholds."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_recur._plot_style import COLORS, new_figure, save
from keras_recur._validation import check_callable, check_sequence
from keras_recur.analysis._banks import require_banks
from keras_recur.analysis._logits import logits_shape
from keras_recur.analysis.find_loop import check_threshold
from keras_recur.analysis.fold import fold
from keras_recur.analysis.update_batch_norm import update_batch_norm
from keras_recur.data._batches import batches, check_form, is_one_shot
from keras_recur.metrics.exact_match import ExactMatch
from keras_recur.zoo.costs import trainable_parameters


@dataclasses.dataclass(frozen=True)
class Fold:
    """One threshold of a fold curve.

    Attributes:
        threshold: Minimum similarity of tied layers.
        clusters: Number of different kernels by name of bank.
        parameters: Number of trainable parameters of the folded model.
        accuracy: Score of the folded model.
        recalibrated: Score after the normalization statistics were updated, or `None`.
        fine_tuned: Score after `fine_tune`, or `None`.
    """

    threshold: float
    clusters: dict[str, int]
    parameters: int
    accuracy: float
    recalibrated: float | None = None
    fine_tuned: float | None = None


@dataclasses.dataclass(frozen=True)
class FoldCurve:
    """Scores of a model and of its folds over thresholds. `str` returns a table.

    Attributes:
        accuracy: Score of the model before folding.
        parameters: Number of trainable parameters before folding.
        folds: One `Fold` per threshold, in the order of `thresholds`.
        score: Name of the metric, such as "accuracy" or "F1".
    """

    accuracy: float
    parameters: int
    folds: tuple[Fold, ...]
    score: str = "accuracy"

    def __str__(self) -> str:
        lines = [
            f"{'threshold':>9}  {'clusters':20}{'parameters':>12}{'folded':>9}"
            f"{'recalibrated':>14}{'fine-tuned':>12}",
            f"{'-':>9}  {'not folded':20}{self.parameters:>12,}{self.accuracy:>9.4f}",
        ]
        for f in self.folds:
            clusters = ", ".join(map(str, f.clusters.values()))
            after = [
                "-" if a is None else f"{a:.4f}" for a in (f.recalibrated, f.fine_tuned)
            ]
            lines.append(
                f"{f.threshold:>9.3f}  {clusters:20}{f.parameters:>12,}"
                f"{f.accuracy:>9.4f}{after[0]:>14}{after[1]:>12}"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the curve as plain data for JSON."""
        return dataclasses.asdict(self)

    def plot(self, path: str | Path | None = None) -> Any:
        """Plot scores and parameters over the threshold.

        Args:
            path: PNG file to write. Defaults to `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        figure, (axes,) = new_figure(grid=False)
        at = [f.threshold for f in self.folds]
        axes.axhline(self.accuracy, color="0.6", lw=1, ls=":", label="not folded")
        for name, color in (
            ("accuracy", COLORS[1]),
            ("recalibrated", COLORS[0]),
            ("fine_tuned", COLORS[2]),
        ):
            values = [getattr(f, name) for f in self.folds]
            if None in values:
                continue
            label = {"accuracy": "folded", "fine_tuned": "fine-tuned"}.get(name, name)
            axes.plot(at, values, "o-", ms=4, color=color, label=label)
        axes.set_xlabel("threshold of similarity")
        axes.set_ylabel(self.score)
        # A fixed scale, because tiny differences would fill the picture.
        axes.set_ylim(-0.02, 1.02)
        counts = axes.twinx()
        counts.step(
            at, [f.parameters for f in self.folds], where="mid", color="0.75", lw=1.5
        )
        counts.set_ylim(bottom=0)
        counts.set_ylabel("parameters (gray)", color="0.45")
        counts.spines[["top"]].set_visible(False)
        axes.set_zorder(counts.get_zorder() + 1)
        axes.patch.set_visible(False)
        figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
        return save(figure, path)


def fold_curve(
    model: keras.Model,
    data: Any,
    thresholds: Sequence[float] = (1.0, 0.99, 0.95, 0.9, 0.8, 0.6, 0.0),
    *,
    calibration_data: Any = None,
    fine_tune: Callable[[keras.Model], Any] | None = None,
    metric: Callable[[], keras.metrics.Metric] = ExactMatch,
    space: str = "kernels",
) -> FoldCurve:
    """Fold a model at several thresholds and score each folded model.

    Args:
        model: A model with template banks. It is not changed.
        data: Batches `(x, y)` in any form that `iteration_curve` accepts, except a
            generator.
        thresholds: Thresholds of `fold`.
        calibration_data: Batches from which `update_batch_norm` estimates statistics
            after folding. Defaults to `None` (statistics are kept).
        fine_tune: Function that trains a folded model in place, after its statistics
            were updated. Defaults to `None`.
        metric: Function that returns a new Keras metric. Defaults to `ExactMatch`.
        space: `"kernels"` (default) or `"coefficients"`, as in `fold`.

    Returns:
        A `FoldCurve`.

    Raises:
        ValueError: If an argument is not valid for `fold`, there is no threshold, or
            data can be read only once.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), for folding.

    Example:

    >>> pair = keras_recur.zoo.build("scnn", width=4, iterations=3)
    >>> data = keras_recur.data.load(
    ...     "shortest_paths", "test", 10, size=8, window=5, num_examples=10
    ... )
    >>> curve = keras_recur.analysis.fold_curve(pair.recurrent, data, [1.0, 0.0])
    >>> [list(f.clusters.values()) for f in curve.folds]
    [[3], [1]]
    """
    require_banks(model)
    logits_shape(model)
    thresholds = check_sequence("thresholds", thresholds, check_threshold, 1)
    check_callable("metric", metric)
    if fine_tune is not None:
        check_callable("fine_tune", fine_tune)
    for name, value in (("data", data), ("calibration_data", calibration_data)):
        if value is not None or name == "data":
            check_form(name, value)
        if is_one_shot(value):
            raise ValueError(
                f"`{name}` is read once per threshold. Received: a "
                f"{type(value).__name__}, which can be read only once. Pass a list of "
                "batches, a PyDataset or a tf.data.Dataset."
            )
    folds = []
    for threshold in thresholds:
        folded = fold(model, threshold, space)
        after: dict[str, float] = {}
        clusters = {n: len(_labels(b)) for n, b in require_banks(folded).items()}
        accuracy = _score(folded, data, metric)
        if calibration_data is not None:
            update_batch_norm(folded, calibration_data)
            after["recalibrated"] = _score(folded, data, metric)
        if fine_tune is not None:
            fine_tune(folded)
            after["fine_tuned"] = _score(folded, data, metric)
        count = trainable_parameters(folded)
        folds.append(Fold(threshold, clusters, count, accuracy, **after))
    name = metric().name
    return FoldCurve(
        _score(model, data, metric),
        trainable_parameters(model),
        tuple(folds),
        "F1" if name == "f1" else name,
    )


def _labels(bank):
    return set(range(bank.num_layers) if bank.labels is None else bank.labels)


def _score(model, data, metric):
    scorer = metric()
    for x, y in batches(data):
        scorer.update_state(y, model.predict_on_batch(x))
    return float(scorer.result())
