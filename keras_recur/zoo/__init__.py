"""Families of networks, each described once and built as a pair of twins."""

from keras_recur.zoo import families  # noqa: F401 registers
from keras_recur.zoo.build import build
from keras_recur.zoo.costs import Costs, costs
from keras_recur.zoo.entries import list_entries, load
from keras_recur.zoo.family import Family, ReportedCounts, describe, list_families
from keras_recur.zoo.pair import Pair, PairCosts

__all__ = [
    "Costs",
    "Family",
    "Pair",
    "PairCosts",
    "ReportedCounts",
    "build",
    "costs",
    "describe",
    "list_entries",
    "list_families",
    "load",
]
