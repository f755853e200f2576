"""What trained networks do: accuracy over iterations."""

from keras_recur.analysis.iteration_curve import iteration_curve

__all__ = ["iteration_curve"]
