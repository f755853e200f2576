"""Run comparisons and experiments on the terminal."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from keras_recur._interrupts import interruptible
from keras_recur._terminal import plain_console
from keras_recur.cli.run_options import RunOptions


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


def run_experiment(experiment: Any, options: RunOptions, folder: Path) -> None:
    from keras_recur import experiments, runs

    seeds, networks = options.seed_list(), options.chosen(experiment.networks)
    console = plain_console()
    console.print(
        f"{experiment.name}: {len(networks)} networks, seeds {seeds}. Output: {folder}/"
    )
    with resumable("networks"):
        results = experiments.run_experiment(
            experiment,
            folder,
            seeds,
            networks=networks,
            resume=options.resume,
            report=console.print,
            progress=runs.Progress(console),
            jobs=options.processes,
        )
    console.print(f"\nReport with plots: {folder / 'report.html'}")
    exit_if_diverged(results)


def exit_if_diverged(results: dict[str, Any]) -> None:
    if any(r["status"] == "diverged" for r in results["runs"]):
        raise typer.Exit(1)
