"""Names in files of version 0.1.0, and what they are called now."""

from typing import Any

_NOW = {
    "iso": "equal",
    "ramp": "coarse_to_fine",
    "recurrence": "recurrence_penalty",
    "return_sequence": "return_sequences",
}


def current_names(config: dict[str, Any]) -> dict[str, Any]:
    """Return `config` with the keys that this version uses."""
    return {_NOW.get(key, key): value for key, value in config.items()}
