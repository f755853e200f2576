"""Follow a search by the rows that its processes write."""

from collections.abc import Callable

from keras_recur.tuning._summary import Guess, is_finished, status
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_progress import SearchProgress


class SearchWatch:
    """Reporter of new rows; rows that exist already are only counted."""

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
        # The keys say whether rows are of the winner's fresh seeds.
        self._rows = {False: folder.rows_but(()), True: folder.rows_but((), True)}
        self._guess = Guess.on(folder.content()["data"])
        self._state: tuple[int | None, ...] = ()

    def poll(self, running: int, ended: bool = False) -> None:
        """Report new rows and the progress, with the number of `running` processes."""
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
