"""Follows a search by its folder, whichever processes write into it."""

from collections.abc import Callable

from keras_recur.tuning._summary import Guess, is_finished, status
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_progress import SearchProgress


class SearchWatch:
    """Says what is new in a search's folder.

    Args:
        folder: The folder. What it holds already is counted, not reported.
        total: Runs there will be at most, or `None`.
        workers: Processes that train at the same time.
        report: Called with a line for every new row.
        progress: Called with a `SearchProgress` that differs from the one before.
    """

    def __init__(
        self,
        folder: SearchFolder,
        total: int | None,
        workers: int = 1,
        report: Callable[[str], None] = lambda line: None,
        progress: Callable[[SearchProgress], None] = lambda found: None,
    ):
        self.folder, self.total, self.workers = folder, total, max(1, workers)
        self.report, self.progress = report, progress
        # Of the search, and of the winner that is trained anew.
        self._rows = {False: folder.rows_but(()), True: folder.rows_but((), True)}
        self._guess = Guess.on(folder.content()["data"])
        self._state: tuple[int | None, ...] = ()

    def look(self, running: int, ended: bool = False) -> None:
        """Reports rows that are new, and how far the search is.

        Args:
            running: How many processes train now.
            ended: There will be no more runs, even if fewer than expected were done.
        """
        found = []
        for fresh, rows in self._rows.items():
            new = self.folder.rows_but(rows, fresh)
            rows |= new
            found += new.values()
        rows, fresh = self._rows[False].values(), self._rows[True].values()
        if ended:
            self.total = len(rows) + len(fresh)
        state = (running, self.total, len(rows), len(fresh))
        if state == self._state:
            return
        self._state = state
        for row in found:
            self.report(_line(row))
        self.progress(self._progress(rows, running, fresh))

    def _progress(self, rows, running, fresh):
        return SearchProgress.of(
            rows, self.total, running, self.workers, fresh, self._guess
        )


def _line(row):
    shown = f"{100 * row['accuracy']:.1f} %" if is_finished(row) else status(row)
    return (
        f"{row['configuration']}, seed {row['seed']}: {shown}"
        f" ({row.get('seconds') or 0:.0f} s)"
    )
