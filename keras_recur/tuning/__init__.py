"""Searches of width against iterations, with KerasTuner."""

import warnings

with warnings.catch_warnings():
    # Optuna's progress bars, which are not used, look for widgets of notebooks.
    warnings.filterwarnings("ignore", "IProgress not found")
    import optuna as _optuna  # noqa: F401

from keras_recur.tuning.budget import Budget
from keras_recur.tuning.configuration import Configuration
from keras_recur.tuning.grid_oracle import GridOracle
from keras_recur.tuning.load_search import load_search
from keras_recur.tuning.optuna_oracle import OptunaOracle
from keras_recur.tuning.plot_equal_costs import plot_equal_costs
from keras_recur.tuning.plot_grid import plot_grid
from keras_recur.tuning.plot_pareto import plot_pareto
from keras_recur.tuning.search import search
from keras_recur.tuning.search_report import write_search_report
from keras_recur.tuning.search_result import SearchResult
from keras_recur.tuning.settings import SearchSettings
from keras_recur.tuning.width_iterations_hypermodel import WidthIterationsHyperModel

__all__ = [
    "Budget",
    "Configuration",
    "GridOracle",
    "OptunaOracle",
    "SearchResult",
    "SearchSettings",
    "WidthIterationsHyperModel",
    "load_search",
    "plot_equal_costs",
    "plot_grid",
    "plot_pareto",
    "search",
    "write_search_report",
]
