"""Names in files of version 0.1.0, and what they are called now."""

from typing import Any

_NOW = {
    "iso": "equal",
    "ramp": "coarse_to_fine",
    "recurrence": "recurrence_penalty",
    "return_sequence": "return_sequences",
}


def current_names(config: dict[str, Any], **also: str) -> dict[str, Any]:
    """Return `config` with the keys that this version uses.

    `also` maps further old keys, too general to be renamed everywhere, to new ones.
    """
    names = _NOW | also
    return {names.get(key, key): value for key, value in config.items()}
