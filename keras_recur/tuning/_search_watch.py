"""Follow a search by the rows in its folder, whichever processes write them."""

from collections.abc import Callable

from keras_recur.tuning._summary import Guess, is_finished, status
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_progress import SearchProgress


class SearchWatch:
    """Reports new rows of a search's folder.

    Args:
        folder: The folder. Rows that it already contains are counted, not reported.
        total: Maximum number of runs, or `None`.
        workers: Number of processes that train at the same time.
        report: Function that is called with one line of text for every new row.
        progress: Function that is called with every new `SearchProgress`.
    """

    def __init__(
        self,
        folder: SearchFolder,
        total: int | None,
        workers: int,
        report: Callable[[str], None],
        progress: Callable[[SearchProgress], None],
    ):
        self.folder, self.total, self.workers = folder, total, max(1, workers)
        self.report, self.progress = report, progress
        # Rows of the search, and fresh ones of the winner.
        self._rows = {False: folder.rows_but(()), True: folder.rows_but((), True)}
        self._guess = Guess.on(folder.content()["data"])
        self._state: tuple[int | None, ...] = ()

    def poll(self, running: int, ended: bool = False) -> None:
        """Report new rows and the progress.

        Args:
            running: Number of processes that train now.
            ended: Whether no more runs follow, even if fewer than expected were done.
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
        self.progress(
            SearchProgress.of(
                rows, self.total, running, self.workers, fresh, self._guess
            )
        )


def _line(row):
    score = f"{100 * row['accuracy']:.1f} %" if is_finished(row) else status(row)
    seconds = row.get("seconds") or 0
    return f"{row['configuration']}, seed {row['seed']}: {score} ({seconds:.0f} s)"
