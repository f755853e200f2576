"""The best configuration of a search."""

from collections.abc import Callable
from typing import Any

from keras_recur.runs.summary import percent


class BestConfiguration:
    """Best configuration of a search, as `SearchResult.best()` returns it.

    Args:
        metrics: One of `SearchResult.configurations()`.
        score: Name of the score: `"accuracy"` or `"F1"`.
        rebuild: Function that builds the pair of networks from the metrics.
    """

    def __init__(
        self,
        metrics: dict[str, Any],
        score: str,
        rebuild: Callable[[dict[str, Any]], Any] | None = None,
    ):
        self.metrics = metrics
        self._score = score
        self._rebuild = rebuild

    @property
    def configuration(self) -> str:
        """Name of the configuration, such as `"w16-t4-all"`."""
        return self.metrics["configuration"]

    @property
    def accuracy(self) -> float:
        """Mean validation accuracy (or F1); a failed seed counts as guessing."""
        return self.metrics["accuracy"]

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean, or `None` for one seed."""
        return self.metrics["standard_error"]

    def pair(self) -> Any:
        """Return the pair with trained weights, or initial ones if not trained.

        Raises:
            ValueError: If the result was made without `rebuild`.
        """
        if self._rebuild is None:
            raise ValueError(
                "This result has no weights, so it cannot build "
                f"{self.configuration!r}. Received: rebuild=None. Read the "
                "folder of the search with `tuning.load_search`, or build them with "
                f"`zoo.build(..., width={self.metrics['width']}, "
                f"iterations={self.metrics['iterations']})`."
            )
        return self._rebuild(self.metrics)

    def __str__(self) -> str:
        found = self.metrics
        count = found["finished"] + found["failed"]
        lost = f", {found['failed']} failed" if found["failed"] else ""
        text = (
            f"{self.configuration}, validation {self._score} "
            f"{percent(found['accuracy'], found['standard_error'])} "
            f"({count} seed{'' if count == 1 else 's'}{lost})"
        )
        for key, name in (("macs", "MACs"), ("parameters", "parameters")):
            if found[key] is not None:
                text += f", {found[key]:,} {name}"
        return text

    def __repr__(self) -> str:
        return f"<BestConfiguration {self}>"
