"""Training of the networks of a run, shared by all processes on its folder."""

import abc
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_recur.runs.run_folder import RunFolder

# A seed and the name of a network.
Job = tuple[int, str]
# Seconds between two looks for a free network.
SECONDS = 1.0


class Work(abc.ABC):
    """Networks of a run: how each is trained, and its result. It can be pickled."""

    plan: Any  # An entry or an experiment.

    @abc.abstractmethod
    def check(self) -> None:
        """Raise a `ValueError` if this process does not know the plan's parts."""

    @abc.abstractmethod
    def sources(self) -> list[Any]:
        """Return the functions and classes that define the plan's parts."""

    @abc.abstractmethod
    def finished(self, run: RunFolder, seed: int, network: str) -> dict | None:
        """Return the result of a network, or `None`."""

    @abc.abstractmethod
    def epochs(self, network: str) -> int:
        """Return the number of epochs of a network."""

    @abc.abstractmethod
    def train(
        self,
        run: RunFolder,
        seed: int,
        network: str,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> dict[str, Any]:
        """Train and score a network, and write its result."""


def take_jobs(
    work: Work,
    run: RunFolder,
    jobs: Sequence[Job],
    callback: Callable[[int, str, int], keras.callbacks.Callback],
    done: Callable[[int, str, dict[str, Any]], None],
    wait: Callable[[list[Job]], None],
) -> None:
    """Train each network that no other process trains, until all have results.

    The lock of a network ends with its process, so a network whose process was killed
    is free again, and resumes from its checkpoint.
    """
    left = list(jobs)
    while left:
        busy = []
        for seed, network in left:
            result = _result(work, run, seed, network, callback)
            if result is None:
                busy.append((seed, network))
            else:
                done(seed, network, result)
        if len(busy) == len(left):
            wait(busy)
            time.sleep(SECONDS)
        left = busy


def _result(work, run, seed, network, callback):
    """Return the result of a network, or `None` while another process trains it."""
    if not work.finished(run, seed, network):
        with run.taking(seed, network) as mine:
            if not mine:
                return None
            # Another process may have finished it.
            if not work.finished(run, seed, network):
                follow = callback(seed, network, work.epochs(network))
                return work.train(run, seed, network, [follow])
    run.remove_lock(seed, network)
    return work.finished(run, seed, network)
