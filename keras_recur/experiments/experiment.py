"""Interface of experiments."""

import abc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import keras

from keras_recur.reports.page import Page
from keras_recur.runs.summary import is_finished
from keras_recur.training.recipe import Recipe


class Experiment(abc.ABC):
    """Networks that are trained over seeds and compared on one page.

    Subclasses are frozen dataclasses. Their fields are the settings that identify the
    folder of the experiment.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    jit_compile: ClassVar[str | bool] = "auto"
    # Whether the trained weights are kept, for `together`.
    keeps_weights: ClassVar[bool] = False

    @classmethod
    def quick(cls, **settings: Any) -> "Experiment":
        """Return an experiment that a laptop finishes in minutes."""
        return cls(**settings)

    @property
    @abc.abstractmethod
    def networks(self) -> tuple[str, ...]:
        """Names of the networks, which are also names of folders."""

    @abc.abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Return all settings as plain data."""

    @abc.abstractmethod
    def network(self, name: str, seed: int) -> keras.Model:
        """Return an untrained network."""

    @abc.abstractmethod
    def recipe(self, name: str) -> Recipe:
        """Return the recipe of a network."""

    @abc.abstractmethod
    def load(self, split: str, seed: int = 0) -> Any:
        """Return the batches of "train", "validation" or "test"."""

    @abc.abstractmethod
    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        """Return the measurements of a trained network as plain data."""

    @abc.abstractmethod
    def chance_score(self) -> dict[str, Any]:
        """Return the measurements of guessing, used for diverged networks."""

    def together(
        self, load: Callable[[str, int], keras.Model], seeds: list[int]
    ) -> dict[str, Any]:
        """Return what needs several networks at once, for seeds that have all of them.

        `load` returns a trained network by its name and seed.
        """
        del load, seeds
        return {}

    @abc.abstractmethod
    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        """Return means and standard errors over seeds as plain data."""

    def by_network(
        self, results: list[dict[str, Any]]
    ) -> Iterator[tuple[str, list[dict[str, Any]], dict[str, Any]]]:
        """Yield name, results and counts of every network that has results."""
        for name in self.networks:
            mine = [r for r in results if r["network"] == name]
            if mine:
                counts = {
                    "seeds": len(mine),
                    "failed_seeds": sum(not is_finished(r) for r in mine),
                    "parameters": mine[0]["parameters"],
                    "seconds": sum(r["seconds"] for r in mine) / len(mine),
                }
                yield name, mine, counts

    @staticmethod
    @abc.abstractmethod
    def write_page(page: Page, results: dict[str, Any], plots: Path) -> None:
        """Write the findings to a page, and the figures to the folder `plots`."""

    @abc.abstractmethod
    def format_result(self, result: dict[str, Any]) -> str:
        """Return the score of one network as text for the terminal."""
