"""Names in files of version 0.1.0 and their replacements."""

from typing import Any

_NOW = {
    "iso": "equal",
    "ramp": "coarse_to_fine",
    "recurrence": "recurrence_penalty",
    "return_sequence": "return_sequences",
}
_EARLIER = {now: earlier for earlier, now in _NOW.items()} | {
    "max_statistics": "statistics",
    "reduction": "positions",
    "transition_layer": "layer",
}
_EARLIER_MODULES = {
    "keras_recur.inference.readout_policy": "keras_recur.layers.readout_policy",
    "keras_recur.regularizers.recurrence_regularizer": (
        "keras_recur.layers.recurrence_regularizer"
    ),
}


def current_names(config: dict[str, Any]) -> dict[str, Any]:
    """Return `config` with the keys of this version."""
    return {_NOW.get(key, key): value for key, value in config.items()}


def earlier_names(config: Any, ours: bool = True) -> Any:
    """Return `config` with names of 0.1.0, except in objects of other libraries."""
    if isinstance(config, dict):
        if "registered_name" in config:
            ours = str(config["registered_name"]).startswith("keras_recur>")
        return {
            _EARLIER.get(key, key) if ours else key: earlier_names(value, ours)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return [earlier_names(item, ours) for item in config]
    if isinstance(config, str):
        return _EARLIER_MODULES.get(config, config)
    return config
