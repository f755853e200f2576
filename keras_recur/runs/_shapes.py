"""Shapes of the JSON files of a run."""

from typing import Any

from keras_recur._shapes import Missing, Number, plain_name

_TEST = {"size": object, "iterations": int, "accuracy": Missing, "curve": [Missing]}
_STAGE = {"tests": [_TEST], "parameters?": Number}
_SETTLING = {
    "trained": int,
    "multiples": [int],
    "iterations": [int],
    "accuracy": [Missing],
    "changes": [[Missing]],
    "periods": [int],
    "tolerance": Number,
}
_HISTORY = {...: [Missing]}
RESULT: dict[Any, Any] = {
    "twin?": plain_name,
    "network?": plain_name,
    "seed": int,
    "status": str,
    "message?": str,
    "history?": _HISTORY,
    "tests?": [_TEST],
    "recalibrated?": _STAGE,
    "folded?": {**_STAGE, "threshold": Number},
    "settling?": _SETTLING,
    "parameters?": Number,
    "seconds": Number,
    "provenance": dict,
    "data_digest?": str,
}
ENTRY: dict[Any, Any] = {
    "family": str,
    "data": str,
    "model": dict,
    "recipes": {"recurrent": {"epochs": int}, ...: dict},
    "variants?": {...: dict},
    "size": (int, None),
    "num_examples": (int, None),
    "test_sizes": [(int, [int], None)],
    "test_examples": (int, None),
    "phases?": [int],
}
_MEAN = {"mean": Number, "standard_error": Missing}
_SUMMARY = {
    "sizes": [
        {"size": object, "iterations": [int], "mean": Number, "standard_error": Missing}
    ],
    "seeds": int,
    "failed_seeds": int,
    "seconds": Number,
    "diverged_seeds?": int,
    "settling?": {
        "examples": int,
        "iterations": [int],
        "accuracy": [_MEAN],
        "fixed_points": _MEAN,
        "cycles": _MEAN,
        "periods": [int],
        "neither": _MEAN,
        "diverged": _MEAN,
    },
    "parameters?": Number,
}
_COSTS = {"parameters": Number, ...: Number}
RESULTS: dict[Any, Any] = {
    "name": plain_name,
    "entry": ENTRY,
    "costs": {
        "recurrent": _COSTS,
        "feedforward": _COSTS,
        "ratios": {"parameters": Missing, ...: Missing},
    },
    "macs?": {...: [[Missing]]},
    "summary": {...: _SUMMARY},
    "runs": [RESULT | {"twin": plain_name, "tests": [_TEST]}],
    "weights?": dict,
}
EXPERIMENT: dict[Any, Any] = {
    "experiment": plain_name,
    "settings": dict,
    "data": dict,
    "summary": dict,
    "runs": [RESULT | {"network": plain_name}],
}
ASKED: dict[Any, Any] = {"entry": dict, "seeds": [int], "twins": [plain_name]}
SHAPES: dict[str, Any] = {
    "run.json": ASKED,
    "result.json": (
        RESULT | {"twin": plain_name, "tests": [_TEST]},
        RESULT | {"network": plain_name},
    ),
    "results.json": (RESULTS, EXPERIMENT),
    "any results": (
        {"entry": dict, "runs": [RESULT]},
        {"settings": dict, "runs": [RESULT]},
    ),
}
