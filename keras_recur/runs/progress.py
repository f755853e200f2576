"""Progress bars of a run."""

import contextlib

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


class Progress:
    """Progress bars for trainings and epochs, and a line for each finished training.

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
        self._bars = Bars(
            TextColumn("{task.description:28}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=quiet,
        )
        self._overall = self._bars.add_task("twins trained", total=0, figures="")
        self._epochs = self._bars.add_task("", total=1, figures="", visible=False)

    @contextlib.contextmanager
    def over(self, total: int):
        """Show the bars during `total` trainings."""
        with self._bars:
            self._bars.update(self._overall, total=total)
            yield self

    def epochs(self, seed: int, twin: str, total: int) -> keras.callbacks.Callback:
        """Return a callback that advances the epoch bar."""
        bars, task = self._bars, self._epochs

        class OnEpoch(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                bars.update(
                    task,
                    description=f"seed {seed}, {twin}",
                    completed=epoch,
                    total=total,
                    visible=True,
                )

            def on_epoch_end(self, epoch, logs=None):
                logs = logs or {}
                shown = f"loss {logs['loss']:.3f}"
                for key, name in (
                    ("val_accuracy", "accuracy"),
                    ("val_f1", "F1"),
                ):
                    if key in logs:
                        shown += f", {name} {100 * logs[key]:.1f} %"
                bars.update(task, completed=epoch + 1, figures=shown)

        return OnEpoch()

    def seed_done(self, seed: int, twin: str, result: dict) -> None:
        """Print a line for a finished training and advance the bar."""
        self._bars.update(self._epochs, visible=False)
        self._bars.advance(self._overall)
        if result["status"] != "finished":
            self._line(f"seed {seed}, {twin}: {result['message']}", style="red")
            return
        scores = ", ".join(
            f"{100 * t['accuracy']:.1f} %"
            + (f" at {size_label(t['size'])}" if t["size"] else "")
            for t in result["tests"]
        )
        self._line(f"seed {seed}, {twin}: {scores}  ({result['seconds']:.0f} s)")

    def _line(self, text, style=None):
        self.console.print(
            text, style=style, markup=False, emoji=False, highlight=False
        )
