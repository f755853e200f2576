"""A search's progress for a person: a view that lives, or plain lines."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.text import Text

from keras_recur._terminal import plain_console
from keras_recur._validation import check_type
from keras_recur.tuning.search_progress import SearchProgress

# Where lines stay, as in a file, one in half a minute is enough.
SECONDS = 30.0


class SearchView:
    """One view in a terminal, with a bar; elsewhere lines, one in 30 seconds at most.

    A context: the view lives inside. `report` and `progress` are for the arguments of
    `search` that are called so.

    Args:
        console: Where to draw. Default: the terminal.

    Example:

    >>> with keras_recur.tuning.SearchView() as view:
    ...     view.report("w8-t2-all, seed 0: 90.0 % (30 s)")
    w8-t2-all, seed 0: 90.0 % (30 s)
    """

    def __init__(self, console: Console | None = None):
        if console is not None:
            check_type("console", console, Console, "a `rich.console.Console`")
        self.console = console or plain_console()
        self._bar = Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._task = self._bar.add_task("", total=None)
        self._words = Text()
        self._live = Live(
            Group(self._bar, self._words), console=self.console, refresh_per_second=1
        )
        self._shown = -float("inf")

    def __enter__(self) -> "SearchView":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def report(self, line: str) -> None:
        """Prints a line that stays."""
        self.console.print(
            line, markup=False, emoji=False, highlight=False, soft_wrap=True
        )

    def progress(self, found: SearchProgress) -> None:
        """Shows how far the search is."""
        if self.console.is_terminal:
            self._bar.update(self._task, completed=found.done, total=found.total)
            self._words.plain = found.words()
            return
        now = time.monotonic()
        if now - self._shown >= SECONDS or not found.running:
            self._shown = now
            self.report(str(found))
