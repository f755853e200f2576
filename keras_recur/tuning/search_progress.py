"""The progress of a search, from its rows."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from keras_recur.tuning._summary import Guess, best_of, is_finished, summarize_rows


@dataclasses.dataclass(frozen=True)
class SearchProgress:
    """Progress of a search, which `search(progress=...)` receives when it changes.

    `str()` returns one line of text.

    Args:
        done: Number of runs that have ended, including failed runs and the winner's
            fresh seeds.
        total: Maximum number of runs, or `None` if it is unknown.
        running: Number of processes that train.
        failed: Number of failed runs.
        best: Name of the best configuration so far. Defaults to `None`.
        score: Mean score of that configuration. Defaults to `None`.
        seconds_left: Estimated time left in seconds. Defaults to `None`.

    Example:

    >>> from keras_recur.tuning.search_progress import SearchProgress
    >>> row = {"configuration": "w8-t2-all", "status": "finished", "accuracy": 0.9,
    ...        "seconds": 30.0, "seed": 0}
    >>> print(SearchProgress.of([row], total=9, running=2))
    1 of 9 runs done, 2 running, 0 failed, best so far 90.0 % (w8-t2-all), about 2 min
    left
    """

    done: int
    total: int | None
    running: int
    failed: int
    best: str | None = None
    score: float | None = None
    seconds_left: float | None = None

    @classmethod
    def of(
        cls,
        rows: Iterable[dict[str, Any]],
        total: int | None,
        running: int,
        workers: int | None = None,
        fresh: Iterable[dict[str, Any]] = (),
        guessed: Guess | None = None,
    ) -> "SearchProgress":
        """Return the progress, assuming that the remaining runs take the mean time."""
        rows, fresh = list(rows), list(fresh)
        every = [*rows, *fresh]
        best = best_of(summarize_rows(rows, guessed or Guess())) or {}
        seconds = [row["seconds"] for row in every if row.get("seconds") is not None]
        left = None
        if total is not None and seconds:
            mean = math.fsum(seconds) / len(seconds)
            left = mean * max(0, total - len(every)) / max(1, workers or running)
        return cls(
            done=len(every),
            total=total,
            running=running,
            failed=sum(not is_finished(row) for row in every),
            best=best.get("configuration"),
            score=best.get("accuracy"),
            seconds_left=left,
        )

    def __str__(self) -> str:
        of = "" if self.total is None else f" of {self.total}"
        return f"{self.done}{of} runs done, {self.details()}"

    def details(self) -> str:
        """Return all but the number of runs, for a progress bar."""
        parts = [f"{self.running} running", f"{self.failed} failed"]
        if self.score is not None:
            parts.append(f"best so far {100 * self.score:.1f} % ({self.best})")
        if self.seconds_left:
            parts.append(f"about {_duration(self.seconds_left)} left")
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    """Return `40 s`, `5 min` or `2 h 10 min`."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
