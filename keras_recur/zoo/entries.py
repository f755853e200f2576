"""Entries of the zoo: trained pairs that come with the library."""

from pathlib import Path
from typing import Any

from keras_recur._earlier_names import current_names
from keras_recur._shapes import Number, plain_name, read_shaped
from keras_recur._validation import check_string, nearest
from keras_recur.zoo.build import build
from keras_recur.zoo.pair import Pair

_WEIGHTS = {"seed": (int, None), "files": {...: plain_name}}
_RESULTS: dict[Any, Any] = {
    "name": plain_name,
    "entry": {"family": str, "data": str, "model": dict, "test_sizes": list},
    "costs": {
        "recurrent": {"parameters": Number},
        "feedforward": {"parameters": Number},
        "ratios": dict,
    },
    "summary": {
        ...: {
            "sizes": [
                {
                    "iterations": [int],
                    "mean": Number,
                    "standard_error": (Number, None),
                }
            ],
            "seeds": int,
            "failed_seeds": int,
            "seconds": Number,
            "parameters?": Number,
        }
    },
    "runs": [dict],
    "weights?": _WEIGHTS,
}

# An installed library has only the small entries; a source checkout has all.
_PLACES = (
    Path(__file__).parent / "published",
    Path(__file__).resolve().parents[2] / "zoo",
)


def load(name: str) -> Pair:
    """Load a trained pair of the zoo. No internet connection is needed.

    Args:
        name: Name of the entry, one of `list_entries()`.

    Returns:
        A `Pair`. The library includes weights under 1 MB, and a source checkout those
        of up to 5 MB. A twin with larger weights has its initial weights, and warns on
        first use.

    Raises:
        ValueError: If the name is unknown or the entry has no weights. The message
            names the nearest entry.

    Example:

    >>> keras_recur.zoo.list_entries("deep_thinking_1d*")
    ['deep_thinking_1d-prefix_sums', 'deep_thinking_1d-prefix_sums-32-bits']
    """
    folder = entry_folder(name)
    results = read_entry(folder)
    weights = results.get("weights", {"files": {}})
    if not weights["files"]:
        raise ValueError(
            f"{name} is published without weights, because they are too large. Train "
            "it with `keras-recur compare`."
        )
    entry = results["entry"]
    pair = build(entry["family"], **current_names(entry["model"]), seed=weights["seed"])
    for twin in ("recurrent", "feedforward"):
        pair.weight_files[twin] = None
        if twin in weights["files"]:
            file = folder / weights["files"][twin]
            pair.weight_files[twin] = file if file.exists() else None
    return pair


def list_entries(pattern: str = "*") -> list[str]:
    """Return the names of the entries that `load` accepts.

    Args:
        pattern: Shell-style wildcard. Defaults to `"*"`.

    Returns:
        Sorted list of names.

    Example:

    >>> "deep_thinking_1d-prefix_sums" in keras_recur.zoo.list_entries()
    True
    """
    pattern = check_string("pattern", pattern)
    return sorted(f.name for f in _all_folders() if f.match(pattern))


def entry_folder(name: str) -> Path:
    """Return the folder of an entry, or raise an error that names the nearest."""
    folders = {folder.name: folder for folder in _all_folders()}
    if check_string("name", name) not in folders:
        raise ValueError(
            f"`name` must be an entry of the zoo. Received: name={name!r}. Allowed: "
            f"{', '.join(sorted(folders)) or 'none'}.{nearest(name, folders)} Use "
            "zoo.build for an untrained pair."
        )
    return folders[name]


def entry_folders(place: str | Path) -> list[Path]:
    """Return the folders of the entries in a folder such as `zoo/`."""
    return [path.parent for path in Path(place).glob("*/results.json")]


def read_entry(folder: Path) -> dict[str, Any]:
    """Return the results of an entry, or raise a `ValueError` for a damaged file."""
    way_out = "Restore it from a copy, or publish the entry again."
    return read_shaped(folder / "results.json", _RESULTS, way_out)


def _all_folders():
    found = {}
    for place in reversed(_PLACES):
        found |= {folder.name: folder for folder in entry_folders(place)}
    return found.values()
