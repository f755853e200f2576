"""The best configuration that a search has found."""

from collections.abc import Callable
from typing import Any

from keras_recur.runs.summary import percent


class BestConfiguration:
    """A configuration with its figures, and the way to its networks.

    Returned by `SearchResult.best()`.

    Args:
        figures: One of `SearchResult.configurations()`.
        metric: What its scores are: "accuracy" or "f1".
        rebuild: Called with the figures by `pair()`.

    Attributes:
        figures: Settings, costs and scores, as `SearchResult.configurations()` has
            them.
    """

    def __init__(
        self,
        figures: dict[str, Any],
        metric: str = "accuracy",
        rebuild: Callable[[dict[str, Any]], Any] | None = None,
    ):
        self.figures = figures
        self._metric = metric
        self._rebuild = rebuild

    @property
    def configuration(self) -> str:
        """Its name, such as "w16-t4-all"."""
        return self.figures["configuration"]

    @property
    def accuracy(self) -> float:
        """Mean validation accuracy (or F1); a seed that failed counts as guessing."""
        return self.figures["accuracy"]

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean; of one seed there is none."""
        return self.figures["standard_error"]

    def pair(self) -> Any:
        """The configuration's two networks, as `rebuild` makes them.

        Of a search's folder, with the weights that were trained; a twin that was not
        trained has its first ones.

        Raises:
            ValueError: if the result was made without a way to build them.
        """
        if self._rebuild is None:
            raise ValueError(
                f"This result holds figures alone and cannot build "
                f"{self.configuration!r}. Received: rebuild=None. Make it with "
                "`SearchResult(content, rows, rebuild=function)`, or build the "
                "networks with `keras_recur.zoo.build`, "
                f"width={self.figures['width']} and "
                f"iterations={self.figures['iterations']}."
            )
        return self._rebuild(self.figures)

    def __str__(self) -> str:
        score = "F1" if self._metric == "f1" else "accuracy"
        found = self.figures
        count = found["finished"] + found["failed"]
        lost = f", {found['failed']} failed" if found["failed"] else ""
        text = (
            f"{self.configuration}, validation {score} "
            f"{percent(found['accuracy'], found['standard_error'])} "
            f"({count} seed{'' if count == 1 else 's'}{lost})"
        )
        for key, name in (("macs", "MACs"), ("parameters", "parameters")):
            if found[key] is not None:
                text += f", {found[key]:,} {name}"
        return text

    def __repr__(self) -> str:
        return f"<BestConfiguration {self}>"
