"""Searches of width against iterations, with KerasTuner."""

from keras_recur.tuning.best_configuration import BestConfiguration
from keras_recur.tuning.budget import Budget
from keras_recur.tuning.grid_oracle import GridOracle
from keras_recur.tuning.optuna_oracle import OptunaOracle
from keras_recur.tuning.search import load_search, search
from keras_recur.tuning.search_plots import (
    draw_search,
    plot_equal_macs,
    plot_grid,
    plot_pareto,
)
from keras_recur.tuning.search_progress import SearchProgress
from keras_recur.tuning.search_report import write_search_report
from keras_recur.tuning.search_result import SearchResult
from keras_recur.tuning.search_view import SearchView
from keras_recur.tuning.width_iterations_hypermodel import (
    Configuration,
    WidthIterationsHyperModel,
)

__all__ = [
    "BestConfiguration",
    "Budget",
    "Configuration",
    "GridOracle",
    "OptunaOracle",
    "SearchProgress",
    "SearchResult",
    "SearchView",
    "WidthIterationsHyperModel",
    "draw_search",
    "load_search",
    "plot_equal_macs",
    "plot_grid",
    "plot_pareto",
    "search",
    "write_search_report",
]
