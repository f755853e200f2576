"""Trained models out of the library: files that serve without it."""

from keras_recur.exporting.export import export
from keras_recur.exporting.export_run import export_run
from keras_recur.exporting.load_model import load_model

__all__ = ["export", "export_run", "load_model"]
