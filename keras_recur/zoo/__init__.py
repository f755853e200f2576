"""Families of networks, each described once and built as a pair of twins."""

from keras_recur.zoo.build import build
from keras_recur.zoo.costs import Costs, costs
from keras_recur.zoo.entries import list_entries, load
from keras_recur.zoo.family import (
    Family,
    ReportedCounts,
    describe,
    list_families,
    register_family,
)
from keras_recur.zoo.initializers import SeededInitializers
from keras_recur.zoo.pair import Pair
from keras_recur.zoo.pair_costs import PairCosts

# isort: split
# Families may import the names above, so they come last.
from keras_recur.zoo import families  # noqa: F401

__all__ = [
    "Costs",
    "Family",
    "Pair",
    "PairCosts",
    "ReportedCounts",
    "SeededInitializers",
    "build",
    "costs",
    "describe",
    "list_entries",
    "list_families",
    "load",
    "register_family",
]
