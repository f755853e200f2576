"""Ways of sharing by name, as a search lists them."""

import re
from typing import Any

from keras_recur._validation import nearest

_FORMS = ("all", "none", "groups of 2", "bank of 2")
_PATTERN = re.compile(r"(groups|bank) of ([1-9]\d*)")


def check_sharing(name: Any) -> str:
    """Returns the name, or says which there are.

    Raises:
        ValueError: for a name that is none of `"all"`, `"none"`, `"groups of g"` and
            `"bank of k"`, with positive integers g and k.
    """
    if name in ("all", "none") or (
        isinstance(name, str) and _PATTERN.fullmatch(name) is not None
    ):
        return name
    raise ValueError(
        "A way of sharing must be 'all', 'none' (the feed-forward twin), 'groups of g' "
        f"or 'bank of k', g and k positive integers. Received: {name!r}."
        f"{nearest(str(name), _FORMS)}"
    )


def sharing_arguments(name: str, iterations: int) -> dict[str, Any]:
    """The arguments of `zoo.build` that share in this way.

    `"groups of 2"` ties two iterations after another; `"bank of 2"` mixes all from two
    templates. For `"none"` there are none: it is the feed-forward twin.
    """
    found = _PATTERN.fullmatch(check_sharing(name))
    if found is None:
        return {}
    size = int(found[2])
    if found[1] == "bank":
        return {"templates": size}
    return {"sharing": [t // size for t in range(iterations)]}


def twin_of(name: str) -> str:
    """The twin of a pair that shares in this way."""
    return "feedforward" if name == "none" else "recurrent"
