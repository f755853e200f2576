"""How far a search is, from its rows."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from keras_recur.tuning._summary import Guess, best_of, is_finished, summarize_rows


@dataclasses.dataclass(frozen=True)
class SearchProgress:
    """How far a search is: counts, the best so far, and an estimate of what is left.

    `search(progress=...)` is called with one whenever it changes. `str()` of it is a
    line for people.

    Args:
        done: Runs that have a row, the winner's own and failed ones among them.
        total: Runs there will be at most; `None` where that is not known.
        running: Processes that train.
        failed: Runs that failed.
        best: Name of the configuration with the highest mean score so far, over the
            seeds that it has; `None` before the first run.
        score: That mean; a seed that failed counts as guessing.
        seconds_left: Estimate of the time left, or `None`.

    Example:

    >>> row = {"configuration": "w8-t2-all", "status": "finished", "accuracy": 0.9,
    ...        "seconds": 30.0, "seed": 0}
    >>> print(keras_recur.tuning.SearchProgress.of([row], total=9, running=2))
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
        """Counts rows, and estimates the time that the others will take.

        The estimate takes every run that is left to last as long as the mean of those
        that are done, and divides them among the workers: it is too low while networks
        are still growing, as a grid's do.

        Args:
            rows: Rows of the search.
            total: As of the class.
            running: As of the class.
            workers: Processes that share what is left. Default: those that run.
            fresh: Rows of the winner that was trained anew. They count as done.
            guessed: What counts for a seed that failed. Default: a score of 0.
        """
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
        return f"{self.done}{of} runs done, {self.words()}"

    def words(self) -> str:
        """What a bar does not show: all but how many runs are done."""
        parts = [f"{self.running} running", f"{self.failed} failed"]
        if self.score is not None:
            parts.append(f"best so far {100 * self.score:.1f} % ({self.best})")
        if self.seconds_left:
            parts.append(f"about {_duration(self.seconds_left)} left")
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    """`40 s`, `5 min`, `2 h 10 min`."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
