"""Regularizers for template banks."""

from keras_recur.regularizers.recurrence_regularizer import RecurrenceRegularizer

__all__ = ["RecurrenceRegularizer"]
