"""Pages, plots and cards of finished runs."""

from keras_recur.reports.run_report import write_report

__all__ = ["write_report"]
