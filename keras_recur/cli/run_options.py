"""Command-line options of comparisons and experiments over seeds."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from typer import Option

from keras_recur._limits import MAX_SEEDS, check_size
from keras_recur._validation import check_one_of
from keras_recur.cli.options import (
    FirstSeed,
    Jobs,
    Output,
    Resume,
    Seeds,
    run_folder,
)


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Which networks and seeds to train, where, and by how many processes."""

    seeds: Seeds = 3
    first_seed: FirstSeed = 0
    only: str | None = Option(
        None,
        help="Train one network, such as recurrent or feedforward; a wrong name lists "
        "all.",
    )
    jobs: Jobs = None
    output: Output = None
    resume: Resume = False

    def seed_list(self) -> list[int]:
        check_size("seeds", self.seeds, MAX_SEEDS)
        return list(range(self.first_seed, self.first_seed + self.seeds))

    def chosen(self, networks: Iterable[str]) -> list[str]:
        """Return the networks to train."""
        if self.only is None:
            return list(networks)
        return [check_one_of("only", self.only, networks)]

    def folder(self, *parts: str, quick: bool = False) -> Path:
        """Return `output`, or a folder in `runs` that is named by its parts."""
        words = [*parts, *([self.only] if self.only else []), *(["quick"] * quick)]
        return run_folder(self.output, "-".join(words))

    @property
    def processes(self) -> int | str:
        return "auto" if self.jobs is None else self.jobs
