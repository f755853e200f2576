"""Export trained models to files that run without this library."""

from keras_recur.exporting.export import export
from keras_recur.exporting.export_run import export_run
from keras_recur.exporting.load_model import load_model

__all__ = ["export", "export_run", "load_model"]
