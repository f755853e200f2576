"""Analysis of trained networks: accuracy over iterations and learned sharing."""

from keras_recur.analysis.accuracy_by import AccuracyBy, accuracy_by
from keras_recur.analysis.bake import bake
from keras_recur.analysis.batch_norm_statistics import (
    BatchNormStatistics,
    batch_norm_statistics,
    plot_batch_norm_statistics,
)
from keras_recur.analysis.convert_to_template_bank import (
    TemplateBankModel,
    convert_to_template_bank,
)
from keras_recur.analysis.dynamics import Dynamics, dynamics
from keras_recur.analysis.exit_metrics import (
    ExitMetrics,
    exit_metrics,
    plot_exit_metrics,
)
from keras_recur.analysis.filter_reuse import FilterReuse, filter_reuse
from keras_recur.analysis.find_loop import LoopStructure, find_loop
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
from keras_recur.analysis.lesions import Lesions, lesions
from keras_recur.analysis.path_independence import (
    PathIndependence,
    path_independence,
)
from keras_recur.analysis.plot_accuracy_by import plot_accuracy_by
from keras_recur.analysis.plot_dynamics import plot_dynamics
from keras_recur.analysis.plot_filter_reuse import plot_filter_reuse
from keras_recur.analysis.plot_iteration_curves import plot_iteration_curves
from keras_recur.analysis.plot_iteration_metrics import plot_iteration_metrics
from keras_recur.analysis.plot_lesions import plot_lesions
from keras_recur.analysis.plot_pair import plot_pair
from keras_recur.analysis.plot_predictions import plot_predictions
from keras_recur.analysis.plot_preferred_images import plot_preferred_images
from keras_recur.analysis.plot_separability import plot_separability
from keras_recur.analysis.plot_settling import plot_settling
from keras_recur.analysis.plot_state_similarity import plot_state_similarity
from keras_recur.analysis.plot_trajectories import plot_trajectories
from keras_recur.analysis.preferred_images import (
    PreferredImages,
    preferred_images,
)
from keras_recur.analysis.select_stop_rule import StopRuleChoice, select_stop_rule
from keras_recur.analysis.separability import Separability, separability
from keras_recur.analysis.settling import Settling, settling
from keras_recur.analysis.state_similarity import (
    StateSimilarity,
    state_similarity,
)
from keras_recur.analysis.trajectories import Trajectories, trajectories
from keras_recur.analysis.update_batch_norm import update_batch_norm

__all__ = [
    "AccuracyBy",
    "Dynamics",
    "PreferredImages",
    "Separability",
    "preferred_images",
    "StateSimilarity",
    "plot_preferred_images",
    "plot_separability",
    "plot_state_similarity",
    "separability",
    "state_similarity",
    "dynamics",
    "FilterReuse",
    "Lesions",
    "lesions",
    "plot_dynamics",
    "plot_lesions",
    "Trajectories",
    "plot_trajectories",
    "trajectories",
    "PathIndependence",
    "Settling",
    "accuracy_by",
    "filter_reuse",
    "path_independence",
    "plot_accuracy_by",
    "plot_filter_reuse",
    "plot_settling",
    "settling",
    "StopRuleChoice",
    "TemplateBankModel",
    "ExitMetrics",
    "Fold",
    "FoldCurve",
    "IterationMetrics",
    "LayerSimilarity",
    "LoopStructure",
    "BatchNormStatistics",
    "bake",
    "select_stop_rule",
    "exit_metrics",
    "find_loop",
    "fold",
    "fold_curve",
    "iteration_curve",
    "iteration_metrics",
    "layer_similarity",
    "plot_exit_metrics",
    "plot_iteration_curves",
    "plot_iteration_metrics",
    "plot_layer_similarity",
    "plot_pair",
    "plot_batch_norm_statistics",
    "plot_predictions",
    "update_batch_norm",
    "batch_norm_statistics",
    "convert_to_template_bank",
]
