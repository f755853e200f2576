"""What trained networks do: accuracy over iterations, sharing that was learned."""

from keras_recur.analysis.bake import bake
from keras_recur.analysis.calibrate import Calibration, calibrate
from keras_recur.analysis.exit_metrics import ExitMetrics, exit_metrics, plot_exits
from keras_recur.analysis.find_loop import Loop, find_loop
from keras_recur.analysis.fold import fold
from keras_recur.analysis.fold_curve import Fold, FoldCurve, fold_curve
from keras_recur.analysis.iteration_curve import iteration_curve
from keras_recur.analysis.iteration_metrics import (
    IterationMetrics,
    iteration_metrics,
)
from keras_recur.analysis.layer_similarity import (
    LayerSimilarity,
    layer_similarity,
    plot_layer_similarity,
)
from keras_recur.analysis.plot_iteration_curves import plot_iteration_curves
from keras_recur.analysis.plot_iteration_metrics import plot_iteration_metrics
from keras_recur.analysis.plot_pair import plot_pair
from keras_recur.analysis.plot_unfolding import plot_unfolding
from keras_recur.analysis.recalibrate import recalibrate
from keras_recur.analysis.similarity_history import SimilarityHistory
from keras_recur.analysis.statistics_over_time import (
    Statistics,
    plot_statistics,
    statistics_over_time,
)
from keras_recur.analysis.to_bank import Converted, to_bank

__all__ = [
    "Calibration",
    "Converted",
    "ExitMetrics",
    "Fold",
    "FoldCurve",
    "IterationMetrics",
    "LayerSimilarity",
    "Loop",
    "SimilarityHistory",
    "Statistics",
    "bake",
    "calibrate",
    "exit_metrics",
    "find_loop",
    "fold",
    "fold_curve",
    "iteration_curve",
    "iteration_metrics",
    "layer_similarity",
    "plot_exits",
    "plot_iteration_curves",
    "plot_iteration_metrics",
    "plot_layer_similarity",
    "plot_pair",
    "plot_statistics",
    "plot_unfolding",
    "recalibrate",
    "statistics_over_time",
    "to_bank",
]
