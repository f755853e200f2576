"""Pages, plots and cards that show what was trained."""

from keras_recur.reports.run_report import write_report

__all__ = ["write_report"]
