"""Read the folder of a search."""

from pathlib import Path
from typing import Any

from keras_recur._archives import load_weights
from keras_recur._files import check_path
from keras_recur.tuning._summary import is_finished
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.search_result import SearchResult
from keras_recur.tuning.settings import SearchSettings
from keras_recur.tuning.sharing_choice import twin_of


def load_search(directory: str | Path) -> SearchResult:
    """Return the result of a search, which may be unfinished, from its folder.

    Args:
        directory: Folder of the search.

    Returns:
        A `SearchResult`, whose `best().pair()` has the trained weights.

    Raises:
        ValueError: If the folder does not contain a search, or a file is damaged.

    Example:

    >>> _ = keras_recur.tuning.search(
    ...     "mlp", "digits", "width-search", widths=[4, 8], iterations=[2],
    ...     sharing=["all"], quick=True, num_examples=64, seeds=1, fresh_seeds=0,
    ...     recipe={"epochs": 1, "milestones": ()},
    ... )
    >>> result = keras_recur.tuning.load_search("width-search")
    >>> result.best().pair().recurrent.output_shape
    (None, 10)
    """
    folder = SearchFolder(check_path("directory", directory))
    content, rows = folder.content(), folder.finished_rows()

    def rebuild(metrics: dict[str, Any]):
        plan = SearchPlan(SearchSettings.from_dict(content.get("settings") or {}))
        name = metrics["configuration"]
        row = next(r for r in rows if r["configuration"] == name and is_finished(r))
        pair = plan.pair(row)
        twin = getattr(pair, twin_of(row["sharing"]))
        load_weights(twin, folder.weights(f"{name}-s{row['seed']}"))
        return pair

    def order(row):
        return row["sharing"], row["iterations"], row["width"], row["seed"]

    return SearchResult(content, sorted(rows, key=order), rebuild)
