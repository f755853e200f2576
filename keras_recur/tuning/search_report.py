"""One HTML file that shows a search to somebody who was not there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_recur import zoo
from keras_recur._files import check_path, replacing
from keras_recur._validation import check_type
from keras_recur.reports.page import Page
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.summary import guess, in_percent, mean_and_error, percent
from keras_recur.tuning._equal_macs import (
    TOLERANCE,
    Comparison,
    comparisons,
    equal_macs_groups,
    kept_to_one_amount,
    mean_difference,
    points,
    verdict,
)
from keras_recur.tuning._names import amount, sharing_label, sharings
from keras_recur.tuning.search_plots import draw_search
from keras_recur.tuning.search_result import SearchResult, count_runs


def write_search_report(folder: str | Path, result: SearchResult) -> Path:
    """Draws the plots of a search and writes its report.

    `report.html` has all plots inside, `README.md` is the same as text, and `rows.csv`
    has all rows.

    Args:
        folder: Where these and `plots/` go.
        result: What the search has found. It may be unfinished.

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
        return _write_report(folder, result)


def _write_report(folder, result):
    page = Page(result.content["name"])
    page.headline(search_headline(result))
    page.paragraph(_introduction(result))
    pictures = draw_search(result, folder / "plots")
    if not result.statuses().get("finished"):
        page.paragraph(
            "Fronts and comparisons at equal MACs need finished runs; there are none."
        )
    winner = result.content.get("winner")
    if winner:
        page.heading("The winner, trained again")
        _fill_winner(page, result, winner)
    if pictures:
        page.heading("Width and iterations")
    for name, caption in pictures:
        page.picture(folder / "plots" / name, caption)
        if name == "equal_macs.png":
            _fill_comparisons(page, result)
    page.heading("All configurations")
    page.table(*trials_table(result), sortable=True)
    page.paragraph(
        f"Validation {result.score} after the iterations that were trained: mean and "
        "standard error over all seeds, of which some may have failed: these count as "
        f"guessing ({100 * guess(result.content['data']):.3g} %). Peak memory is the "
        "largest of all seeds, seconds are the mean of those that finished. A click on "
        "a heading sorts the rows.",
        small=True,
    )
    page.heading("How it was made")
    page.table(["", ""], _made(result))
    if result.rows:
        RunFolder(folder).write_csv("rows.csv", _plain(result.rows))
    path = folder / "report.html"
    texts = {path: page.html(), folder / "README.md": page.markdown()}
    for place, text in texts.items():
        with replacing(place) as file:
            file.write(text.encode())
    return path


def _plain(rows):
    """Rows for a table: no nests but the curve, and of the provenance what varies."""
    left_out = ("provenance", "traceback")
    columns = dict.fromkeys(k for row in rows for k in row if k not in left_out)
    kept = ("backend", "backend_version", "processor", "commit", "date")
    return [
        {k: row.get(k) for k in columns}
        | {k: str(row.get("provenance", {}).get(k, "")) for k in kept}
        for row in rows
    ]


def search_headline(result: SearchResult) -> str:
    """The best configuration, and whether iterations or width did better."""
    if not result.statuses().get("finished"):
        return f"No network has finished its training: {count_runs(result)}."
    best = result.best().figures
    seeds = best["finished"] + best["failed"]
    text = (
        f"Best: {best['configuration']}, validation {result.score} "
        f"{percent(best['accuracy'], best['standard_error'])} "
        f"({seeds} seed{'' if seeds == 1 else 's'}"
    )
    text += f", {best['failed']} failed)." if best["failed"] else ")."
    found = _comparisons(result)
    if not found:
        return (
            f"{text} No two networks that finished have about equal MACs and differ in "
            "width and iterations, so the search does not say which of the two to "
            "spend MACs on."
        )
    said: dict[str, list[str]] = {}
    for sharing in sharings(result.configurations()):
        mine = [comparison for comparison in found if comparison.sharing == sharing]
        if mine:
            name = "feed-forward twin" if sharing == "none" else sharing_label(sharing)
            shown = f"{name} {points(*mean_difference(mine))}"
            said.setdefault(verdict(mine), []).append(shown)
    parts = [f"{what} ({', '.join(names)})" for what, names in said.items()]
    return (
        f"{text} At equal MACs, {'; '.join(parts)}. In brackets: points of "
        f"{result.score} that more iterations add, with less width."
    )


def trials_table(result: SearchResult) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row per configuration, the best first, failed ones last."""
    header = ["configuration", "width", "iterations", "sharing", "learning rate"]
    header += [f"{result.score} (%)", "seeds", "MACs", "parameters", "depth"]
    header += ["activations (MB)", "peak memory (MB)", "seconds", "failures"]
    every = result.configurations()
    every.sort(key=lambda c: (c["finished"] > 0, c["accuracy"]))
    rows = []
    for found in reversed(every):
        runs = found["finished"] + found["failed"]
        score = found["accuracy"]
        rows.append(
            [
                found["configuration"],
                str(found["width"]),
                str(found["iterations"]),
                found["sharing"],
                _figure(found["learning_rate"], "g"),
                "-" if score is None else in_percent(score, found["standard_error"]),
                f"{found['finished']} of {runs}",
                _figure(found["macs"], ","),
                _figure(found["parameters"], ","),
                _figure(found["effective_depth"], ","),
                _megabytes(found["activation_bytes"]),
                _megabytes(found["peak_memory"]),
                _figure(found["seconds"], ".1f"),
                _failures(found),
            ]
        )
    # What nobody knows of any configuration is no column.
    kept = [
        i
        for i in range(len(header))
        if i < 4 or any(row[i] not in ("", "-") for row in rows)
    ]
    return [header[i] for i in kept], [[row[i] for i in kept] for row in rows]


def comparison_table(found: list[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: the widest and the longest of every group and sharing."""
    rows = []
    for one in found:
        ends = one.widest, one.longest
        few, many = (amount(end(c["macs"] for c in ends)) for end in (min, max))
        row = [one.sharing, few if few == many else f"{few} to {many}"]
        row = [text.replace(" ", "\N{NO-BREAK SPACE}") for text in row]
        for end in ends:
            score = in_percent(end["accuracy"], end["standard_error"])
            row.append(f"{score} (w{end['width']} t{end['iterations']})")
        rows.append([*row, points(*one.difference())])
    header = ["sharing", "MACs", "fewest iterations (%)", "most iterations (%)"]
    return [*header, "difference (points)"], rows


def _fill_comparisons(page, result):
    found = _comparisons(result)
    if not found:
        return
    page.table(*comparison_table(found))
    least = "The search kept to one number of MACs."
    if not kept_to_one_amount(result.content):
        least = (
            f"Groups whose MACs differ by {100 * (TOLERANCE - 1):.0f} % at most; where "
            "several configurations have one number of iterations, the best of them."
        )
    page.paragraph(
        f"{least} Difference: what more iterations and less width add to the score. It "
        "counts where it is larger than two of its standard errors.",
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
        page.paragraph(f"{name} was chosen; no seed of it has finished.")
    else:
        guessed = guess(result.content["data"])
        scores = [guessed if score is None else score for score in scores]
        word = "counts" if failed == 1 else "count"
        lost = (
            f" {failed} of {len(scores)} seeds failed, and {word} as guessing "
            f"({100 * guessed:.3g} %)."
        )
        lost = lost if failed else ""
        page.paragraph(
            f"{name}, trained on {len(scores)} fresh "
            f"seed{'' if len(scores) == 1 else 's'}: test {result.score} "
            f"{percent(*mean_and_error(scores))}.{lost}"
        )
        page.table(
            ["seed", f"test {result.score} (%)"],
            [
                [str(seed), in_percent(score, None) + _note(state)]
                for seed, score, state in zip(seeds, scores, states, strict=False)
            ],
        )
        page.paragraph(
            "Validation scores chose it among many, so its own validation score is too "
            "high; this one was not part of the choice.",
            small=True,
        )
    more = {
        key: value
        for key, value in winner.items()
        if key not in ("configuration", "test_accuracy", "seeds")
    }
    if more:
        page.table(["", ""], _flat(more))


def _note(state):
    return "" if state == "finished" else f" ({state})"


def _introduction(result):
    content = result.content
    text = f"Searched: width, iterations and sharing of {content['family']} on "
    text += f"{content['data']}. {count_runs(result)}."
    if content["family"] in zoo.list_families():
        text += f" {zoo.describe(content['family']).summary}"
    return text


def _comparisons(result):
    one_amount = kept_to_one_amount(result.content)
    return comparisons(equal_macs_groups(result.configurations(), one_amount))


def _made(result):
    content = result.content
    rows = [["family", str(content["family"])], ["data", str(content["data"])]]
    for part in ("settings", "provenance"):
        rows += _flat(content.get(part) or {})
    return rows


def _flat(fields: dict[str, Any], where: str = "") -> list[list[str]]:
    """Rows of names and values; those of dictionaries inside have both names."""
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


def _failures(found):
    counts = [
        f"{count} {name}"
        for name, count in found["statuses"].items()
        if name != "finished"
    ]
    return ": ".join(filter(None, [", ".join(counts), "; ".join(found["messages"])]))


def _figure(value, form):
    return "-" if value is None else f"{value:{form}}"


def _megabytes(value):
    if value is None:
        return "-"
    return f"{value / 1e6:,.0f}" if value >= 1e8 else f"{value / 1e6:.3g}"
