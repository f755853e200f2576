"""Train both twins over seeds, score them, and keep the results in a folder."""

from keras_recur.runs.compare import compare
from keras_recur.runs.entry import Entry
from keras_recur.runs.make_entry import make_entry
from keras_recur.runs.progress import Progress
from keras_recur.runs.run_folder import RunFolder

__all__ = ["Entry", "Progress", "RunFolder", "compare", "make_entry"]
