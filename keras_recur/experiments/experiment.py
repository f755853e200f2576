"""What an experiment is: several networks, one set of data, one question."""

import abc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import keras

from keras_recur.reports.page import Page
from keras_recur.runs.summary import is_finished
from keras_recur.training.recipe import Recipe


class Experiment(abc.ABC):
    """Networks that are trained over seeds and compared in one page.

    Subclasses are frozen dataclasses: their fields are the experiment's settings, with
    which its folder is made and recognized.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    jit_compile: ClassVar[str | bool] = "auto"

    @classmethod
    def quick(cls, **settings: Any) -> "Experiment":
        """A size that a laptop finishes in minutes. Default: as it is."""
        return cls(**settings)

    @property
    @abc.abstractmethod
    def networks(self) -> tuple[str, ...]:
        """Names of all that is trained; they become folders."""

    @abc.abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """All settings as plain data, for JSON."""

    @abc.abstractmethod
    def network(self, name: str, seed: int) -> keras.Model:
        """The untrained network of that name and seed."""

    @abc.abstractmethod
    def recipe(self, name: str) -> Recipe:
        """How a network is trained."""

    @abc.abstractmethod
    def load(self, split: str, seed: int = 0) -> Any:
        """Batches of a split: "train", "validation" or "test"."""

    @abc.abstractmethod
    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        """What is measured of a trained network, as plain data."""

    @abc.abstractmethod
    def failed_score(self) -> dict[str, Any]:
        """What counts for a network whose training diverged: that of guessing."""

    @abc.abstractmethod
    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        """Means and standard errors over seeds, as plain data."""

    def by_network(
        self, results: list[dict[str, Any]]
    ) -> Iterator[tuple[str, list[dict[str, Any]], dict[str, Any]]]:
        """Name and results of every network that has some, and what all count alike."""
        for name in self.networks:
            mine = [r for r in results if r["network"] == name]
            if mine:
                yield (
                    name,
                    mine,
                    {
                        "seeds": len(mine),
                        "failed_seeds": sum(not is_finished(r) for r in mine),
                        "parameters": mine[0]["parameters"],
                        "seconds": sum(r["seconds"] for r in mine) / len(mine),
                    },
                )

    @abc.abstractmethod
    def fill(self, page: Page, results: dict[str, Any], plots: Path) -> None:
        """Writes the findings into a page, and pictures into the folder `plots`."""

    @abc.abstractmethod
    def line(self, result: dict[str, Any]) -> str:
        """The score of one network, for a line on the terminal."""
