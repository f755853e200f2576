"""Shapes of a search's JSON files."""

from typing import Any

from keras_recur._shapes import Missing

_WINNER = {
    "configuration": str,
    "seeds?": [int],
    "test_accuracy?": [Missing],
    "status?": [str],
}
CONTENT: dict[Any, Any] = {
    "name": str,
    "family": str,
    "data": str,
    "metric": str,
    "settings?": (dict, None),
    "provenance?": (dict, None),
    "winner?": (_WINNER, None),
    "study?": str,
}
ROW: dict[Any, Any] = {
    "configuration": str,
    "width": int,
    "iterations": int,
    "sharing": str,
    "seed": int,
    "status": str,
    "learning_rate?": Missing,
    "message?": str,
    "accuracy?": Missing,
    "loss?": Missing,
    "curve?": ([Missing], None),
    "test_accuracy?": Missing,
    "parameters?": Missing,
    "macs?": Missing,
    "activation_bytes?": Missing,
    "effective_depth?": Missing,
    "peak_memory?": Missing,
    "seconds?": Missing,
    "provenance?": dict,
    "data_digest?": str,
}
