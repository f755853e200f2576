"""Headline and tables of a search's report."""

import math
from typing import Any

from keras_recur.runs.summary import in_percent, percent
from keras_recur.tuning._equal_costs import (
    Comparison,
    Pair,
    comparisons,
    difference,
    equal_groups,
    is_apart,
    kept_to_one_amount,
    mean_difference,
    points,
    sharing_comparisons,
    verdict,
)
from keras_recur.tuning._names import sharing_label, sharings, span
from keras_recur.tuning.search_result import SearchResult, count_runs


def search_headline(result: SearchResult) -> str:
    """Return sentences about the winner and the comparison at equal MACs."""
    if not result.statuses().get("finished"):
        return f"No run has finished: {count_runs(result)}."
    every = ranked(result)
    best, others = every[0], every[1:]
    seeds = best["finished"] + best["failed"]
    text = (
        f"{best['configuration']} won with a validation {result.score} of "
        f"{percent(best['accuracy'], best['standard_error'])} "
        f"({seeds} seed{'' if seeds == 1 else 's'}"
    )
    text += f", {best['failed']} failed)" if best["failed"] else ")"
    if others:
        lead = points(*difference(best, others[0])).removeprefix("+")
        text += f", {lead} points ahead of {others[0]['configuration']}"
    return f"{text}. {_said_of_macs(result)}{_said_of_parameters(result)}"


def _said_of_macs(result):
    found = equal_macs_comparisons(result)
    if not found:
        return (
            "No two finished networks have about equal MACs and differ in width and "
            "iterations, so the search does not show which of the two to spend MACs on."
        )
    said: dict[str, list[str]] = {}
    for sharing in sharings(result.configurations()):
        mine = [comparison for comparison in found if comparison.sharing == sharing]
        if mine:
            shown = f"{sharing_label(sharing)} {points(*mean_difference(mine))}"
            said.setdefault(verdict(mine), []).append(shown)
    parts = [f"{what} ({', '.join(names)} points)" for what, names in said.items()]
    return (
        f"At equal MACs, {'; '.join(parts)}. These numbers are the points of "
        f"{result.score} that more iterations and less width add."
    )


def _said_of_parameters(result):
    """Return how often shared weights did better than the twin, with a space before."""
    found = equal_parameters_comparisons(result)
    pairs = [c.difference() for c in found if c.other["sharing"] == "none"]
    pairs = [(mean, error) for mean, error in pairs if error is not None]
    if not pairs:
        return ""
    better = sum(is_apart(mean, error) for mean, error in pairs)
    worse = sum(is_apart(-mean, error) for mean, error in pairs)
    return (
        f" At equal parameters, shared weights did better than feed-forward twins in "
        f"{better} and worse in {worse} of {len(pairs)} comparisons; a comparison "
        "within two standard errors counts as neither."
    )


def ranked(result: SearchResult) -> list[dict[str, Any]]:
    """Return all configurations: the best first, those without a score last."""

    def rank(found):
        macs = math.inf if found["macs"] is None else found["macs"]
        return not found["finished"], -found["accuracy"], macs, found["configuration"]

    return sorted(result.configurations(), key=rank)


def scores_table(result: SearchResult) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows with the score and size of every configuration."""
    header = ["configuration", f"{result.score} (%)", "finished seeds", "MACs"]
    header += ["parameters", "learning rate"]
    rows = [
        [
            found["configuration"],
            in_percent(found["accuracy"], found["standard_error"]),
            f"{found['finished']} of {found['finished'] + found['failed']}",
            _number(found["macs"], ","),
            _number(found["parameters"], ","),
            _number(found["learning_rate"], "g"),
        ]
        for found in ranked(result)
    ]
    return _known_columns(header, rows)


def costs_table(result: SearchResult) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows with the costs and failures of training."""
    header = ["configuration", "depth", "activations (MB)", "peak memory (MB)"]
    header += ["seconds", "failures"]
    rows = [
        [
            found["configuration"],
            _number(found["effective_depth"], ","),
            _megabytes(found["activation_bytes"]),
            _megabytes(found["peak_memory"]),
            _number(found["seconds"], ".1f"),
            _failures(found),
        ]
        for found in ranked(result)
    ]
    return _known_columns(header, rows)


def comparison_table(found: list[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows with both ends of every group of equal MACs."""
    rows = []
    for one in found:
        ends = one.widest, one.longest
        row = [*map(_unbroken, (one.sharing, span(ends, "macs"))), *map(_score, ends)]
        rows.append([*row, points(*one.difference())])
    header = ["sharing", "MACs", "fewest iterations (%)", "most iterations (%)"]
    return [*header, "difference (points)"], rows


def sharing_table(found: list[Pair]) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of shared weights beside another sharing."""
    rows = []
    for one in found:
        row = [*map(_unbroken, (span(one, "parameters"), one.other["sharing"]))]
        rows.append([*row, *map(_score, one), points(*one.difference())])
    header = ["parameters", "other sharing", "shared weights (%)", "other (%)"]
    return [*header, "difference (points)"], rows


def gains_table(found: list[Pair]) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of what more iterations add at each width."""
    rows = []
    for one in found:
        row = [_unbroken(one.one["sharing"]), str(one.one["width"])]
        scores = _score(one.other), _score(one.one)
        rows.append([*row, *scores, points(*one.difference())])
    header = ["sharing", "width", "fewest iterations (%)", "best of more (%)"]
    return [*header, "difference (points)"], rows


def equal_macs_comparisons(result: SearchResult) -> list[Comparison]:
    one_amount = kept_to_one_amount(result.content)
    groups = equal_groups(result.configurations(), one_amount=one_amount)
    return comparisons(groups)


def equal_parameters_comparisons(result: SearchResult) -> list[Pair]:
    return sharing_comparisons(equal_groups(result.configurations(), "parameters"))


def _score(found):
    """Return a score with the network that has it."""
    score = in_percent(found["accuracy"], found["standard_error"])
    return f"{score} (w{found['width']} t{found['iterations']})"


def _unbroken(text):
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _known_columns(header, rows):
    """Leave out columns that are unknown for every configuration."""
    kept = [
        i for i in range(len(header)) if any(row[i] not in ("", "-") for row in rows)
    ]
    return [header[i] for i in kept], [[row[i] for i in kept] for row in rows]


def _failures(found):
    counts = [
        f"{count} {name}"
        for name, count in found["statuses"].items()
        if name != "finished"
    ]
    return ": ".join(filter(None, [", ".join(counts), "; ".join(found["messages"])]))


def _number(value, form):
    return "-" if value is None else f"{value:{form}}"


def _megabytes(value):
    if value is None:
        return "-"
    return f"{value / 1e6:,.0f}" if value >= 1e8 else f"{value / 1e6:.3g}"
