"""Run comparisons and experiments on the terminal."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from keras_recur._interrupts import interruptible
from keras_recur._limits import MAX_SEEDS, check_size
from keras_recur._terminal import plain_console


def seed_list(seeds: int, first_seed: int) -> list[int]:
    check_size("seeds", seeds, MAX_SEEDS)
    return list(range(first_seed, first_seed + seeds))


@contextlib.contextmanager
def resumable(what: str) -> Iterator[None]:
    """Say after an interruption how to resume."""
    try:
        with interruptible():
            yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Interrupted. Completed {what} and epochs are kept: run the same command "
            "with --resume to continue."
        ) from None


def run_experiment(
    experiment: Any,
    folder: Path,
    seeds: Sequence[int],
    resume: bool,
    jobs: int | None,
) -> None:
    from keras_recur import experiments, runs

    console = plain_console()
    networks = f"{len(experiment.networks)} networks, seeds {seeds}"
    console.print(f"{experiment.name}: {networks}. Output: {folder}/")
    with resumable("networks"):
        results = experiments.run_experiment(
            experiment,
            folder,
            seeds,
            resume=resume,
            report=console.print,
            progress=runs.Progress(console),
            jobs="auto" if jobs is None else jobs,
        )
    console.print(f"\nReport with plots: {folder / 'report.html'}")
    exit_if_diverged(results)


def exit_if_diverged(results: dict[str, Any]) -> None:
    if any(r["status"] == "diverged" for r in results["runs"]):
        raise typer.Exit(1)
