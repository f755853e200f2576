"""The result of a search of width against iterations."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from keras_recur._shapes import check_shape
from keras_recur._validation import check_callable, check_one_of, check_sequence
from keras_recur.runs.summary import percent
from keras_recur.tuning._shapes import CONTENT, ROW
from keras_recur.tuning._summary import Guess, best_of, status, summarize_rows
from keras_recur.tuning.best_configuration import BestConfiguration

_COSTS = ("macs", "parameters", "activation_bytes", "peak_memory")


class SearchResult:
    """Scores and costs of the trained networks of a search.

    Scores are on validation examples after the trained number of iterations. Means are
    over all seeds; a failed seed counts as guessing.

    Args:
        content: Content of `search.json`: `"name"`, `"family"`, `"data"`, `"metric"`,
            and optionally `"settings"`, `"provenance"` and `"winner"`.
        rows: One dictionary per network and seed.
        rebuild: Function that builds a pair from one of `configurations()`, for
            `best().pair()`. Defaults to `None`.

    Raises:
        ValueError: If a required key is missing.

    Example:

    >>> costs = {"width": 8, "iterations": 2, "sharing": "all", "macs": 4000}
    >>> rows = [
    ...     {"configuration": "w8-t2-all", **costs, "seed": seed,
    ...      "status": "finished", "accuracy": accuracy}
    ...     for seed, accuracy in enumerate([0.88, 0.92])
    ... ]
    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> result = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, rows)
    >>> result.best().configuration, round(result.best().accuracy, 3)
    ('w8-t2-all', 0.9)
    >>> print(result)
    small: convnet on digits
    2 runs of 1 configuration: 2 finished
    Best: w8-t2-all, validation accuracy 90.0 ± 2.0 % (2 seeds), 4,000 MACs
    Pareto front, accuracy against MACs:
      w8-t2-all           4,000 MACs   90.0 ± 2.0 %
    """

    def __init__(
        self,
        content: dict[str, Any],
        rows: Sequence[dict[str, Any]],
        rebuild: Callable[[dict[str, Any]], Any] | None = None,
    ):
        _check("`content`", content, CONTENT)
        check_one_of("metric", content["metric"], ("accuracy", "f1"))
        for i, row in enumerate(check_sequence("rows", rows)):
            _check(f"`rows[{i}]`", row, ROW)
        if rebuild is not None:
            check_callable("rebuild", rebuild)
        self.content = content
        self.rows = list(rows)
        self._rebuild = rebuild
        self._configurations = summarize_rows(self.rows, Guess.on(content["data"]))

    @property
    def score(self) -> str:
        """Name of the score: `"accuracy"` or `"F1"`."""
        return "F1" if self.content["metric"] == "f1" else "accuracy"

    def frame(self) -> Any:
        """Return all rows as a `pandas.DataFrame`.

        Raises:
            ImportError: If pandas is not installed.
        """
        try:
            import pandas  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise ImportError(
                "`frame()` needs pandas, which is not installed. Install it with `pip "
                "install pandas`, or use `.rows`, a list of dictionaries."
            ) from None
        return pandas.DataFrame(self.rows)

    def statuses(self) -> dict[str, int]:
        """Return the number of runs by status, such as `"finished"`."""
        return dict(Counter(status(row) for row in self.rows).most_common())

    def configurations(self) -> list[dict[str, Any]]:
        """Return settings, costs and scores of every configuration.

        Returns:
            List of dictionaries with the keys "configuration", "width", "iterations",
            "sharing", "learning_rate"; "parameters", "macs", "activation_bytes",
            "effective_depth"; "seeds" (finished ones), "finished" and "failed" (numbers
            of seeds), "statuses", "messages"; "accuracy" and "standard_error", "loss",
            "curve" and "curve_standard_error" (after each iteration), "seconds"
            (means); "peak_memory" (maximum). Unknown values are `None`.
        """
        return [dict(found) for found in self._configurations]

    def pareto(self, cost: str = "macs", over: str = "accuracy") -> list[dict]:
        """Return the Pareto front, the cheapest configuration first.

        Args:
            cost: `"macs"`, `"parameters"`, `"activation_bytes"` or `"peak_memory"`.
                Defaults to `"macs"`.
            over: `"accuracy"` (the score of the search, which may be F1) or `"loss"`.
                Defaults to `"accuracy"`.

        Returns:
            Those of `configurations()` with a finished seed and a known cost that no
            other configuration beats.

        Raises:
            ValueError: If `cost` or `over` is unknown.
        """
        check_one_of("cost", cost, _COSTS)
        check_one_of("over", over, ("accuracy", "loss"))
        sign = -1 if over == "accuracy" else 1
        known = [
            found
            for found in self.configurations()
            if found["finished"] and found[cost] is not None and found[over] is not None
        ]
        known.sort(key=lambda found: (found[cost], sign * found[over]))
        front: list[dict[str, Any]] = []
        for found in known:
            if not front or sign * found[over] < sign * front[-1][over]:
                front.append(found)
            elif all(found[key] == front[-1][key] for key in (cost, over)):
                front.append(found)
        return front

    def best(self) -> BestConfiguration:
        """Return the configuration with the highest mean validation score.

        The configuration with fewer MACs wins a tie.

        Raises:
            ValueError: If no run has finished.
        """
        best = best_of(self.configurations())
        if best is None:
            raise ValueError(
                "The search has no best configuration, because no run has finished "
                f"({count_runs(self)})."
            )
        return BestConfiguration(best, self.score, self._rebuild)

    def __str__(self) -> str:
        content = self.content
        lines = [
            f"{content['name']}: {content['family']} on {content['data']}",
            count_runs(self),
        ]
        if not self.statuses().get("finished"):
            return "\n".join([*lines, "No run has finished."])
        lines.append(f"Best: {self.best()}")
        front = self.pareto()
        if front:
            lines.append(f"Pareto front, {self.score} against MACs:")
        wide = max((len(found["configuration"]) for found in front), default=0)
        for found in front:
            score = percent(found["accuracy"], found["standard_error"])
            lines.append(
                f"  {found['configuration']:{wide}} {found['macs']:>15,} MACs   {score}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<SearchResult {self.content['name']!r}, {count_runs(self)}>"


def count_runs(result: SearchResult) -> str:
    """Return `6 runs of 2 configurations: 5 finished, 1 diverged`."""
    if not result.rows:
        return "no runs yet"
    statuses = result.statuses()
    counts = {"finished": statuses.pop("finished", 0), **statuses}
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    many = len(result.configurations())
    return (
        f"{_plural(len(result.rows), 'run')} of {_plural(many, 'configuration')}: "
        f"{listed}"
    )


def _plural(count, word):
    return f"{count} {word}{'' if count == 1 else 's'}"


def _check(what, found, shape):
    try:
        check_shape(found, shape, what)
    except ValueError as error:
        keys = ", ".join(repr(key) for key in shape if not key.endswith("?"))
        raise ValueError(f"{error}. Required keys: {keys}.") from None
