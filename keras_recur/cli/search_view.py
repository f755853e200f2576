"""The progress of a search on the terminal."""

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from keras_recur.tuning.search_progress import SearchProgress

SECONDS = 30.0  # Minimum time between two lines of progress.


class SearchView:
    """Live view in a terminal, plain lines elsewhere."""

    def __init__(self, console: Console):
        self.console = console
        self._bar = Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._task = self._bar.add_task("", total=None)
        self._text = Text()
        self._live = Live(
            Group(self._bar, self._text), console=console, refresh_per_second=1
        )
        self._shown = -float("inf")

    def __enter__(self) -> "SearchView":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def report(self, line: str) -> None:
        self.console.print(
            line, markup=False, emoji=False, highlight=False, soft_wrap=True
        )

    def progress(self, found: "SearchProgress") -> None:
        """Show the progress; without a terminal, print few lines."""
        if self.console.is_terminal:
            self._bar.update(self._task, completed=found.done, total=found.total)
            self._text.plain = found.details()
            return
        now = time.monotonic()
        if now - self._shown >= SECONDS or not found.running:
            self._shown = now
            self.report(str(found))
