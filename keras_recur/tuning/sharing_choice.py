"""Ways of sharing, by their names in a search."""

import re
from typing import Any

from keras_recur._validation import nearest

_FORMS = ("all", "none", "groups of 2", "bank of 2")
_PATTERN = re.compile(r"(groups|bank) of ([1-9]\d*)")


def check_sharing(argument: str, name: Any) -> str:
    """Return the checked name of a way of sharing."""
    if name in ("all", "none") or (
        isinstance(name, str) and _PATTERN.fullmatch(name) is not None
    ):
        return name
    raise ValueError(
        f"`{argument}` must be 'all', 'none' (the feed-forward twin), 'groups of g' or "
        f"'bank of k', with positive integers g and k. Received: {name!r}."
        f"{nearest(str(name), _FORMS)}"
    )


def sharing_arguments(name: str, iterations: int) -> dict[str, Any]:
    """Return the arguments of `zoo.build`: none for the twins `"all"` and `"none"`."""
    found = _PATTERN.fullmatch(check_sharing("sharing", name))
    if found is None:
        return {}
    size = int(found[2])
    if found[1] == "bank":
        return {"templates": size}
    return {"sharing": [t // size for t in range(iterations)]}


def twin_of(name: str) -> str:
    return "feedforward" if name == "none" else "recurrent"
