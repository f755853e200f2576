"""The report of a search, in HTML and Markdown."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_recur import zoo
from keras_recur._files import check_path, write_text
from keras_recur._plot_style import save
from keras_recur._validation import check_type
from keras_recur.reports.page import Page
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.summary import guess, in_percent, mean_and_error, percent
from keras_recur.tuning._equal_costs import TOLERANCE, gains, kept_to_one_amount
from keras_recur.tuning.plot_equal_costs import plot_equal_costs
from keras_recur.tuning.plot_grid import plot_grid
from keras_recur.tuning.plot_pareto import plot_pareto
from keras_recur.tuning.search_result import SearchResult, count_runs
from keras_recur.tuning.search_tables import (
    comparison_table,
    costs_table,
    equal_macs_comparisons,
    equal_parameters_comparisons,
    gains_table,
    scores_table,
    search_headline,
    sharing_table,
)

_PLOTS = {
    "grid.png": (
        plot_grid,
        "Mean score by width and iterations; lines connect equal MACs, a fraction "
        "counts finished seeds, hatched cells have none, and dots were not run.",
    ),
    "pareto.png": (
        plot_pareto,
        "Score against cost (mean ± standard error over seeds), with the Pareto front "
        "as a stepped line (w: width, t: iterations).",
    ),
    "equal_macs.png": (
        plot_equal_costs,
        "Score over iterations at about equal MACs (mean ± standard error over seeds): "
        "more iterations go with less width.",
    ),
    "equal_parameters.png": (
        functools.partial(plot_equal_costs, cost="parameters"),
        "Score over iterations at about equal parameters. More iterations of shared "
        "weights need no less width.",
    ),
}
_SIGNIFICANT = "A difference is significant above two standard errors."
_COLUMNS = ("backend", "backend_version", "processor", "commit", "date")


def write_search_report(folder: str | Path, result: SearchResult) -> Path:
    """Draw the plots of a search and write its report.

    The report is `report.html`, and `README.md` with the files in `plots/`. `rows.csv`
    contains all rows.

    Args:
        folder: Folder of the report.
        result: Result of the search, which may be unfinished.

    Returns:
        The path of the report.

    Example:

    >>> content = {"name": "small", "family": "convnet", "data": "digits"}
    >>> row = {"configuration": "w8-t2-all", "width": 8, "iterations": 2,
    ...        "sharing": "all", "seed": 0, "status": "finished", "accuracy": 0.9}
    >>> found = keras_recur.tuning.SearchResult(content | {"metric": "accuracy"}, [row])
    >>> keras_recur.tuning.write_search_report("searches/small", found).name
    'report.html'
    """
    check_type("result", result, SearchResult, "a `tuning.SearchResult`")
    folder = check_path("folder", folder)
    with RunFolder(folder).held():
        page = search_page(result, folder)
        if result.rows:
            RunFolder(folder).write_csv("rows.csv", _plain(result.rows))
        write_text(folder / "README.md", page.markdown())
        write_text(folder / "report.html", page.html())
    return folder / "report.html"


def search_page(result: SearchResult, folder: Path) -> Page:
    """Draw the plots into `folder / "plots"` and return the page."""
    content = result.content
    page = Page(f"{content['family']} on {content['data']}: width against iterations")
    page.headline(search_headline(result))
    page.paragraph(_introduction(result))
    drawn = _draw(result, folder / "plots")
    if not result.statuses().get("finished"):
        page.paragraph(
            "Pareto fronts and comparisons at equal MACs need finished runs."
        )
    if content.get("winner"):
        page.heading("The winner on fresh seeds")
        _fill_winner(page, result, content["winner"])
    if drawn:
        page.heading("Width and iterations")
    for name in drawn:
        page.picture(folder / "plots" / name, _PLOTS[name][1])
        if name == "equal_macs.png":
            _fill_comparisons(page, result)
        if name == "equal_parameters.png":
            _fill_sharing(page, result)
    found = gains(result.configurations())
    if found:
        page.heading("What more iterations add at the same width")
        page.table(*gains_table(found))
        page.paragraph(
            "The best number of iterations is chosen by the score itself, which favors "
            f"more iterations a little. {_SIGNIFICANT}",
            small=True,
        )
    if result.rows:
        page.heading("All configurations")
        page.table(*scores_table(result), sortable=True)
        page.paragraph(
            f"Validation {result.score} after the trained number of iterations, mean ± "
            "standard error over all seeds. A failed seed counts as guessing "
            f"({100 * guess(content['data']):.3g} %). The file rows.csv contains every "
            "run.",
            small=True,
        )
        page.heading("Cost of training")
        page.table(*costs_table(result), sortable=True)
        page.paragraph(
            "Peak memory is the maximum over all seeds; seconds are the mean of "
            "finished seeds. In report.html, a click on a heading sorts the rows.",
            small=True,
        )
    page.heading("How it was made")
    page.table(["", ""], _made(content))
    return page


def _draw(result, folder):
    """Draw all possible plots and return their file names."""
    drawn = []
    for name, (plot, _) in _PLOTS.items():
        figure = plot(result)
        if figure is not None:
            save(figure, folder / name)
            drawn.append(name)
    return drawn


def _plain(rows):
    """Return flat rows for CSV, with the provenance fields that vary."""
    columns = dict.fromkeys(key for row in rows for key in row)
    columns = [key for key in columns if key not in ("provenance", "traceback")]
    return [
        {key: row.get(key) for key in columns}
        | {key: str(row.get("provenance", {}).get(key, "")) for key in _COLUMNS}
        for row in rows
    ]


def _introduction(result):
    content = result.content
    text = f"The search trained {count_runs(result)}."
    if content["family"] in zoo.list_families():
        text += f" Family: {zoo.describe(content['family']).summary}"
    return text


def _fill_comparisons(page, result):
    found = equal_macs_comparisons(result)
    if not found:
        return
    page.table(*comparison_table(found))
    text = "The search kept to equal MACs."
    if not kept_to_one_amount(result.content):
        text = (
            f"The MACs of a group differ by at most {100 * (TOLERANCE - 1):.0f} %. "
            "Each number of iterations is represented by its best configuration."
        )
    page.paragraph(
        f"{text} The difference is the score that more iterations and less width add. "
        f"{_SIGNIFICANT}",
        small=True,
    )


def _fill_sharing(page, result):
    found = equal_parameters_comparisons(result)
    if not found:
        return
    page.table(*sharing_table(found))
    page.paragraph(
        "The best networks of each sharing with more than one iteration, at parameters "
        f"that differ by at most {100 * (TOLERANCE - 1):.0f} %. The difference is the "
        f"score that shared weights add. {_SIGNIFICANT}",
        small=True,
    )


def _fill_winner(page, result, winner):
    name = winner.get("configuration", "")
    scores = winner.get("test_accuracy") or []
    seeds = winner.get("seeds") or list(range(len(scores)))
    states = winner.get("status") or [
        "failed" if score is None else "finished" for score in scores
    ]
    failed = sum(state != "finished" for state in states)
    if failed == len(scores):
        page.paragraph(f"No seed of {name} has finished.")
        return
    guessed = guess(result.content["data"])
    scores = [guessed if score is None else score for score in scores]
    text = (
        f"{name} was trained again on {len(scores)} fresh "
        f"seed{'' if len(scores) == 1 else 's'}. Its test {result.score} is "
        f"{percent(*mean_and_error(scores))}."
    )
    if failed:
        text += (
            f" {failed} of {len(scores)} seeds failed; a failed seed counts as "
            f"guessing ({100 * guessed:.3g} %)."
        )
    page.paragraph(text)
    rows = []
    for seed, score, state in zip(seeds, scores, states, strict=False):
        note = "" if state == "finished" else f" ({state})"
        rows.append([str(seed), in_percent(score, None) + note])
    page.table(["seed", f"test {result.score} (%)"], rows)
    page.paragraph(
        "The validation score of the winner is biased, because it was selected by this "
        "score. The test score is not biased.",
        small=True,
    )


def _made(content):
    rows = [["family", str(content["family"])], ["data", str(content["data"])]]
    for part in ("settings", "provenance"):
        fields = content.get(part) or {}
        rows += _flat({k: v for k, v in fields.items() if k not in ("family", "data")})
    return rows


def _flat(fields: dict[str, Any], where: str = "") -> list[list[str]]:
    """Return rows of names and values; nested names are joined by a comma."""
    rows = []
    for key, value in fields.items():
        name = f"{where}{key}".replace("_", " ")
        if isinstance(value, dict):
            rows += _flat(value, f"{name}, ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            rows.append([name, ", ".join(map(str, value))])
        elif value is not None:
            rows.append([name, str(value)])
    return rows
