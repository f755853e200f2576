"""Common parts of the plots of a search."""

from typing import Any

import numpy as np

from keras_recur._validation import check_type
from keras_recur.tuning._names import amount, look, sharing_label
from keras_recur.tuning.search_result import SearchResult


def check_result(result: Any) -> None:
    check_type("result", result, SearchResult, "a `tuning.SearchResult`")


def amount_axis(axes: Any, values: list[float], unit: str) -> None:
    """Make the x axis logarithmic, with ticks such as `1M`."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    decades = np.log10(max(values) / min(values))
    subs = (1, 2, 5) if decades < 2 else (1, 3) if decades < 4 else (1,)
    if decades < 0.8:  # Matplotlib adds its own, overlapping ticks to fewer.
        subs = (1, 2, 3, 4, 6, 8)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: amount(v, unit)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08)


def legend(figure: Any, kinds: list[str], free: Any = None) -> None:
    """Draw one legend for all panels: below them, or in the panel `free`."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", ms=6, label=sharing_label(kind), **look(kind, kinds))
        for kind in kinds
    ]
    kept = {"handles": handles, "fontsize": 9, "frameon": False}
    if free is None:
        columns = min(4, len(kinds))
        figure.legend(loc="outside lower center", ncols=columns, **kept)
    else:
        free.set_axis_off()
        free.legend(loc="upper left", **kept)


def title(result: SearchResult, what: str = "mean ± standard error") -> str:
    every = result.configurations()
    counts = {c["finished"] + c["failed"] for c in every}
    failed = sum(c["failed"] for c in every)
    few, many = min(counts, default=0), max(counts, default=0)
    text = "one seed"
    if many > 1:
        text = f"{what} of {many if few == many else f'{few} to {many}'} seeds"
    if not any(c["finished"] for c in every):
        text = "no finished run"
    elif failed:
        text += f", {failed} of {len(result.rows)} runs failed"
    return f"{result.content['family']} on {result.content['data']}: {text}"
