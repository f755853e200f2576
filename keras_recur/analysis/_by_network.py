"""Results by the name of their network, as plots take and draw them."""

from collections.abc import Callable, Mapping
from typing import Any

from keras_recur._plot_style import line_style
from keras_recur._validation import check_type


def by_network(
    found: Any,
    kind: type,
    iterations: Callable[[Any], Any],
    what: str = "iterations",
) -> dict[str, Any]:
    """Return lists of results, one per seed, by the name of their network.

    Args:
        found: A dictionary of results, or of lists of results, by name.
        kind: Class of the results.
        iterations: Function of a result that must be equal over the seeds of a network.
        what: Name of the value of `iterations`, for the error.

    Raises:
        ValueError: If `found` has another form, no result, or different iterations.
    """
    check_type("found", found, Mapping, "a dictionary of results by name")
    networks = {}
    for name, seeds in found.items():
        seeds = [seeds] if isinstance(seeds, kind) else seeds
        if not isinstance(seeds, list | tuple) or not seeds:
            raise ValueError(
                f"`found` must hold a {kind.__name__} or a list of them per network. "
                f"Received: {seeds!r} for {name!r}."
            )
        for one in seeds:
            check_type("found", one, kind, f"a dictionary of {kind.__name__}")
            ours, first = iterations(one), iterations(seeds[0])
            if ours != first:
                raise ValueError(
                    f"All results of a network in `found` must have the same {what}. "
                    f"Received: {first} and {ours}."
                )
        networks[check_type("found", name, str, "named by strings")] = seeds
    if not networks:
        raise ValueError("`found` must hold one result or more. Received: none.")
    return networks


def style_of(network: str) -> dict[str, Any]:
    """Return color and line style; networks named "untrained" are gray."""
    if network.startswith("untrained"):
        return {"color": "0.5", "linestyle": "-."}
    return line_style(network)


def legend_below(figure: Any, networks: Mapping[str, Any]) -> None:
    """Draw one legend for all panels, in one row."""
    figure.legend(
        loc="outside lower center", ncols=len(networks), frameon=False, fontsize=8
    )
