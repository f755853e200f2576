"""Progress of a run: bars in a terminal, lines elsewhere."""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from keras_recur._terminal import plain_console
from keras_recur._validation import check_flag, check_type
from keras_recur.runs.summary import size_label

# Least seconds between two lines about the same network.
SECONDS = 10.0


class Progress:
    """Progress bars for trainings and epochs, and a line for each finished training.

    Without a terminal or notebook, lines about the epochs replace the bars: at most one
    in ten seconds for each network.

    Args:
        console: A `rich.console.Console`. Defaults to the terminal.
        quiet: Whether to draw nothing. Defaults to `False`.

    Example:

    >>> progress = keras_recur.runs.Progress(quiet=True)
    >>> with progress.over(total=2):
    ...     callback = progress.epochs(seed=0, twin="recurrent", total=10)
    """

    def __init__(self, console: Console | None = None, quiet: bool = False):
        check_flag("quiet", quiet)
        if console is not None:
            check_type("console", console, Console, "a `rich.console.Console`")
        self.console = console or plain_console(quiet=quiet)
        bars = self.console.is_terminal or self.console.is_jupyter
        self._lines = not (quiet or bars)
        self._bars = Bars(
            TextColumn("{task.description:28}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=quiet or not bars,
        )
        self._overall = self._bars.add_task("networks trained", total=0, figures="")
        self._tasks: dict[Any, Any] = {}
        self._shown: dict[Any, float] = {}
        self._awaited: set[Any] = set()

    @contextlib.contextmanager
    def over(self, total: int):
        """Show the bars during `total` trainings."""
        with self._bars:
            self._bars.update(self._overall, total=total)
            yield self

    def epochs(self, seed: int, twin: str, total: int) -> keras.callbacks.Callback:
        """Return a callback that shows the epochs of a training."""
        return EpochCallback(
            lambda epoch, logs: self.epoch(seed, twin, epoch, total, logs)
        )

    def epoch(
        self,
        seed: int,
        twin: str,
        epoch: int,
        total: int,
        logs: dict[str, float] | None = None,
    ) -> None:
        """Show the number of completed epochs and their last losses.

        Without `logs`, the training begins or resumes.
        """
        key, name = (seed, twin), f"seed {seed}, {twin}"
        figures = _figures(logs) if logs else ""
        if self._lines:
            now = time.monotonic()
            if not logs:
                self._line(f"{name}: starts at epoch {epoch + 1} of {total}")
            elif now - self._shown.get(key, -SECONDS) >= SECONDS:
                self._line(f"{name}: epoch {epoch} of {total}, {figures}")
                self._shown[key] = now
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(name, total=total, figures="")
        self._bars.update(
            self._tasks[key], completed=epoch, total=total, figures=figures
        )

    def seed_done(self, seed: int, twin: str, result: dict) -> None:
        """Print a line for a finished training and advance the bar."""
        self.advance(seed, twin)
        if result["status"] != "finished":
            self._line(f"seed {seed}, {twin}: {result['message']}", style="red")
            return
        scores = ", ".join(
            f"{100 * t['accuracy']:.1f} %"
            + (f" at {size_label(t['size'])}" if t["size"] else "")
            for t in result["tests"]
        )
        self._line(f"seed {seed}, {twin}: {scores}  ({result['seconds']:.0f} s)")

    def advance(self, seed: int, twin: str) -> None:
        """Count a finished training and remove its bar."""
        task = self._tasks.pop((seed, twin), None)
        if task is not None:
            self._bars.remove_task(task)
        self._bars.advance(self._overall)

    def wait(self, jobs: Sequence[tuple[int, str]]) -> None:
        """Say once of each training that another process has it."""
        new = [job for job in jobs if job not in self._awaited]
        self._awaited.update(new)
        if new:
            names = "; ".join(f"seed {seed}, {twin}" for seed, twin in new)
            self._line(f"Waiting for another process: {names}")

    def _line(self, text, style=None):
        self.console.print(
            text, style=style, markup=False, emoji=False, highlight=False
        )


class EpochCallback(keras.callbacks.Callback):
    """Call a function at the beginning of a training and after each of its epochs.

    The function receives the number of completed epochs, and the logs or `None`.
    """

    def __init__(self, report: Callable[[int, dict[str, float] | None], None]):
        super().__init__()
        self.report, self._began = report, False

    def on_epoch_begin(self, epoch, logs=None):
        if not self._began:
            self._began = True
            self.report(epoch, None)

    def on_epoch_end(self, epoch, logs=None):
        self.report(epoch + 1, {k: float(v) for k, v in (logs or {}).items()})


def _figures(logs):
    """Return the loss and the score on validation examples as text."""
    shown = [f"loss {logs['loss']:.3f}"] if "loss" in logs else []
    for key, name in (("val_accuracy", "accuracy"), ("val_f1", "F1")):
        if key in logs:
            shown.append(f"{name} {100 * logs[key]:.1f} %")
    return ", ".join(shown)
