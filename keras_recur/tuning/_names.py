"""Names, colors and amounts in the plots and the report of a search."""

from collections.abc import Sequence
from typing import Any

from keras_recur._plot_style import color_of

_OTHERS = ("#2a8f5a", "#7a5195", "#b8467c", "#8a6d1d")
_MARKERS = ("D", "^", "v", "P")
_LONG = {"all": "shared weights", "none": "feed-forward twin"}


def sharings(configurations: list[dict[str, Any]]) -> list[str]:
    """Return all ways of sharing: shared weights first, the feed-forward twin last."""
    found = {c["sharing"] for c in configurations}
    rank = {"all": 0, "none": 2}
    return sorted(found, key=lambda name: (rank.get(name, 1), name))


def look(sharing: str, every: list[str]) -> dict[str, Any]:
    """Return the color and marker of a sharing, the same in all plots."""
    if sharing == "all":
        return {"color": color_of("recurrent"), "marker": "o"}
    if sharing == "none":
        return {"color": color_of("feedforward"), "marker": "s"}
    place = [name for name in every if name not in _LONG].index(sharing)
    return {"color": _OTHERS[place % 4], "marker": _MARKERS[place % 4]}


def sharing_label(sharing: str) -> str:
    return _LONG.get(sharing, sharing)


def short_name(found: dict[str, Any]) -> str:
    """Return a name such as `w32 t8`, for plots that show the sharing by color."""
    return f"w{found['width']} t{found['iterations']}"


def amount(number: float, unit: str = "") -> str:
    """Return `980`, `1.2k` or `35M`; with the unit "B", `1.2 MB`."""
    size, prefix = next(
        (
            (size, prefix)
            for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
            # A number that rounds to 1000 gets the next prefix.
            if number >= 0.9995 * size
        ),
        (1, ""),
    )
    shown = number / size
    text = f"{shown:.3g}" if shown < 999.5 else f"{shown:.0f}"
    return f"{text} {prefix}{unit}" if unit else f"{text}{prefix}"


def span(found: Sequence[dict[str, Any]], cost: str) -> str:
    """Return the range of a cost, such as `98.5k to 108k`, or `35M` if it is one."""
    few, many = (amount(end(c[cost] for c in found)) for end in (min, max))
    return few if few == many else f"{few} to {many}"
