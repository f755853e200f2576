"""Published entries: trained pairs that come with the library."""

import warnings
from pathlib import Path
from typing import Any

from keras_recur._archives import load_weights
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

# In an installed library the small entries; in a checkout of its source all of them.
_PLACES = (
    Path(__file__).parent / "entries",
    Path(__file__).resolve().parents[2] / "zoo",
)


def load(name: str) -> Pair:
    """A published entry of the zoo with its trained weights. Needs no network.

    Args:
        name: Name of the entry: `<family>-<data>`, as `list_entries()` gives it.

    Returns:
        A `Pair`. Weights of up to 5 MB are published, those under 1 MB come with an
        installed library. Where only one twin's are there, the other one has its
        initial weights, and a warning says so.

    Raises:
        ValueError: for an unknown name, with the nearest one, and for an entry
            without weights.

    Example:

    >>> keras_recur.zoo.list_entries("deep_thinking_1d*")
    ['deep_thinking_1d-prefix_sums', 'deep_thinking_1d-prefix_sums-32-bits']
    """
    folder = entry_folder(name)
    results = read_entry(folder)
    weights = results.get("weights", {"files": {}})
    if not weights["files"]:
        raise ValueError(
            f"{name} is published without weights, which are too large. Train it "
            "with `keras-recur compare`."
        )
    entry = results["entry"]
    pair = build(entry["family"], **current_names(entry["model"]), seed=weights["seed"])
    for twin in ("recurrent", "feedforward"):
        file = folder / weights["files"].get(twin, "not published")
        if file.exists():
            load_weights(getattr(pair, twin), file)
        else:
            warnings.warn(
                f"{name}: the weights of the {twin} twin are too large to be here; it "
                "has its initial weights.",
                stacklevel=2,
            )
    return pair


def list_entries(pattern: str = "*") -> list[str]:
    """Names of the entries that `load` finds.

    Args:
        pattern: Shell-style wildcard. Default: all.

    Returns:
        Sorted list of names.

    Example:

    >>> "deep_thinking_1d-prefix_sums" in keras_recur.zoo.list_entries()
    True
    """
    pattern = check_string("pattern", pattern)
    return sorted(f.name for f in _published() if f.match(pattern))


def entry_folder(name: str) -> Path:
    """The folder of a published entry, or an error that names the nearest."""
    folders = {folder.name: folder for folder in _published()}
    if check_string("name", name) not in folders:
        raise ValueError(
            f"Unknown entry. Received: name={name!r}. Published: "
            f"{', '.join(sorted(folders)) or 'none'}.{nearest(name, folders)} For an "
            "untrained pair use zoo.build."
        )
    return folders[name]


def entry_folders(place: str | Path) -> list[Path]:
    """The folders of entries in a published zoo."""
    return [path.parent for path in Path(place).glob("*/results.json")]


def read_entry(folder: Path) -> dict[str, Any]:
    """The results of a published entry.

    Raises:
        ValueError: If they are damaged.
    """
    way_out = "Restore it from a copy, or publish the entry again."
    return read_shaped(folder / "results.json", _RESULTS, way_out)


def _published():
    found = {}
    for place in reversed(_PLACES):
        found |= {folder.name: folder for folder in entry_folders(place)}
    return found.values()
