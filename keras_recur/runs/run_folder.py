"""The folder of a run: its configuration and its finished results."""

import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_recur._files import (
    check_path,
    locked,
    replacing,
    to_json,
    trying,
    write_json,
)
from keras_recur._shapes import plain_name, read_shaped
from keras_recur._validation import (
    check_flag,
    check_integer,
    check_one_of,
    check_sequence,
)
from keras_recur.runs._configuration import Plan, completed, differences, identity
from keras_recur.runs._shapes import SHAPES
from keras_recur.runs.entry import Entry
from keras_recur.runs.trial import check_digest

_LARGEST_SEED = 2**32 - 1
# Seconds that processes of one run wait for each other's writes.
WAIT = 120.0


class RunFolder:
    """The folder of one run.

    Every file is written whole or not at all. Finished results are never overwritten.

    Args:
        path: The folder, also available as an attribute.

    Raises:
        ValueError: If `path` is not a path.

    Example:

    >>> entry = keras_recur.runs.make_entry("mlp", "digits", quick=True)
    >>> run = keras_recur.runs.RunFolder("runs/digits")
    >>> run.begin(entry, seeds=[0], twins=["recurrent"], resume=False)
    >>> run.results()
    []
    """

    # Name of the configuration file, and parts of error messages.
    asked_in = "run.json"
    what = "run"
    way_out = "Remove it and run again with --resume: only its content is repeated."
    made_by = "Runs are made by `keras-recur compare` and `experiment`."

    def __init__(self, path: str | Path):
        self.path = check_path("path", path)

    @contextlib.contextmanager
    def held(self, wait: float = 0) -> Iterator[None]:
        """Create and lock the folder, and remove it again if it stays empty.

        A lock of another process is awaited for `wait` seconds.
        """
        with self._made(), locked(self.path, wait):
            yield

    @contextlib.contextmanager
    def _made(self):
        made = [p for p in (self.path, *self.path.parents) if not p.exists()]
        if any(p.is_file() for p in (self.path, *self.path.parents)):
            raise ValueError(
                f"{self.path} must be a folder, but it is a file or inside of one. "
                "Choose another folder."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            yield
        finally:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # Fails unless it is empty.

    @contextlib.contextmanager
    def taking(self, seed: int, twin: str) -> Iterator[bool]:
        """Lock one seed of one twin, and yield whether no other process trains it."""
        self.twin(seed, twin)  # Checks both.
        with trying(self._lock(seed, twin)) as mine:
            yield mine

    def _lock(self, seed, twin):
        return self.path / f".seed-{seed}-{twin}.lock"

    @contextlib.contextmanager
    def began(
        self, plan: Plan, seeds: list[int], twins: list[str], resume: bool
    ) -> Iterator[None]:
        """Begin a run, and undo it if an error occurs before any result.

        The folder is locked only at the beginning and at the end, so other processes
        can train networks of the same run.
        """
        if not (self.path / self.asked_in).exists():
            for name in twins:
                plan.network(name, seeds[0])
        with self._made():
            with locked(self.path, WAIT):
                take_back = self._recorded(
                    lambda: self.begin(plan, seeds, twins, resume)
                )
            try:
                yield
            except Exception:
                with (
                    contextlib.suppress(OSError, ValueError),
                    locked(self.path, WAIT),
                ):
                    take_back()
                raise

    def _recorded(self, begin):
        """Begin, and return a function that undoes it if nothing has followed."""
        path = self.path / self.asked_in
        before = path.read_bytes() if path.is_file() else None
        begin()
        there = self._content(), _version(path)

        def take_back():
            # Another process that joins the run replaces the file.
            if (self._content(), _version(path)) == there:
                self._take_back(path, before)

        return take_back

    def begin(
        self, entry: Plan, seeds: list[int], twins: list[str], resume: bool
    ) -> None:
        """Create the folder, or check that it belongs to the same run.

        Args:
            entry: The entry or experiment.
            seeds: Seeds to train.
            twins: Names of networks to train.
            resume: Whether the folder may already contain this run.

        Raises:
            ValueError: If the folder belongs to another configuration, contains other
                files, or contains this run and `resume` is `False`.
        """
        seeds = check_seeds(seeds)
        check_sequence("twins", twins, _check_plain, minimum=1)
        check_flag("resume", resume)
        asked = json.loads(
            to_json({"entry": entry.as_dict(), "seeds": seeds, "twins": list(twins)})
        )
        if (self.path / self.asked_in).exists():
            begun = self.read_json(self.asked_in)
            self._check_same(completed(entry, begun["entry"]), asked["entry"])
        elif not self._others():
            self.write_json(self.asked_in, asked)
            return
        else:
            begun = self._remains(entry, asked["entry"])
        if not resume:
            raise ValueError(
                f"{self.path} holds this run already. Resume it with --resume, or "
                "choose another folder with --output."
            )
        asked["seeds"] = sorted({*begun["seeds"], *seeds})
        asked["twins"] = [
            t for t in entry.networks if t in begun["twins"] or t in twins
        ]
        self.write_json(self.asked_in, asked)

    def _check_same(self, begun, asked):
        different = differences(begun, asked)
        if different:
            raise ValueError(
                f"{self.path} belongs to another configuration. It differs in "
                f"{'; '.join(different)}. Nothing was overwritten: choose another "
                "folder with --output, or the configuration it was begun with."
            )

    def _remains(self, entry, asked):
        """Return seeds and networks of a run whose `run.json` is missing."""
        found = [p for p in self.path.glob("seed-*/*/") if p.parent.name[5:].isdigit()]
        if not found:
            raise ValueError(
                f"{self.path} is not empty and holds no run. Choose another folder."
            )
        known, mine = None, identity(entry)
        if (self.path / "results.json").exists():
            results = self.read_json("results.json", SHAPES["any results"])
            known = results.get("entry", results.get("settings"))
            self._check_same(completed(entry, known), asked)
        for path in found:
            result = self.finished(int(path.parent.name[5:]), path.name) or {}
            marked = result.get("identity", None if known or not result else "none")
            if marked not in (None, mine):
                raise ValueError(
                    f"{self.path} has lost its run.json, and {path / 'result.json'} "
                    "belongs to another configuration. Nothing was overwritten: choose "
                    "another folder with --output."
                )
        return {
            "seeds": sorted({int(p.parent.name[5:]) for p in found}),
            "twins": sorted({p.name for p in found}),
        }

    def _content(self):
        """Return all files except temporary ones."""
        return {
            str(path)
            for path in self.path.rglob("*")
            if path.is_file() and not _is_passing(path)
        }

    def _others(self):
        """Return whether the folder contains files that are not temporary."""
        there = self.path.exists()
        return there and any(not _is_passing(path) for path in self.path.iterdir())

    def _take_back(self, path, before):
        with contextlib.suppress(OSError):
            if before is not None:
                with replacing(path) as file:
                    file.write(before)
                return
            path.unlink()
            folders = [p for p in self.path.rglob("*") if p.is_dir()]
            for folder in sorted(folders, reverse=True):
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def of_experiment(self) -> bool:
        """Return whether this is the run of an experiment, which has no `Entry`."""
        return "test_sizes" not in self.read_json(self.asked_in)["entry"]

    def entry(self) -> Entry:
        """Return the entry of this run.

        Raises:
            ValueError: If the configuration is not an entry.
        """
        plain = self.read_json(self.asked_in)["entry"]
        try:
            return Entry.from_dict(plain)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{self.path / self.asked_in} is damaged and cannot be read "
                f"({type(error).__name__}: {error}). {self.way_out}"
            ) from error

    def twin(self, seed: int, twin: str) -> Path:
        """Return the folder of one seed of one twin."""
        seed = check_integer("seed", seed, 0)
        return self.path / f"seed-{seed}" / _check_plain("twin", twin)

    def finished(self, seed: int, twin: str) -> dict[str, Any] | None:
        """Return the result of one seed of one twin, or `None`."""
        path = self.twin(seed, twin) / "result.json"
        if not path.exists():
            return None
        result = self.read_json(path.relative_to(self.path), SHAPES["result.json"])
        if "history" in result:  # JSON has no NaN.
            result["history"] = {
                key: [math.nan if value is None else value for value in values]
                for key, values in result["history"].items()
            }
        return result

    def made_with(self) -> str | None:
        """Return the digest of the data of earlier results, or `None`."""
        digests = (result.get("data_digest") for result in self._finished())
        return next(filter(None, digests), None)

    def write_result(
        self, seed: int, twin: str, plan: Plan, result: dict[str, Any]
    ) -> dict[str, Any]:
        """Write the result of one seed of one twin, and return it.

        Raises:
            ValueError: If another process has written a result with other data.
        """
        check_digest(result.get("data_digest"), self.made_with())
        path = (self.twin(seed, twin) / "result.json").relative_to(self.path)
        self.write_json(path, {**result, "identity": identity(plan)})
        return self.finished(seed, twin) or {}

    def remove_lock(self, seed: int, twin: str) -> None:
        """Remove the lock that a killed process left beside its result."""
        with contextlib.suppress(OSError):
            self._lock(seed, twin).unlink(missing_ok=True)

    def results(self) -> list[dict[str, Any]]:
        """Return all finished results in order."""
        return list(self._finished())

    def _finished(self):
        asked = self.read_json(self.asked_in)
        for seed in asked["seeds"]:
            for twin in asked["twins"]:
                if result := self.finished(seed, twin):
                    yield result

    def weights(self, seed: int, twin: str) -> Path:
        """Return the path of the trained weights of a network."""
        return self.twin(seed, twin) / "model.weights.h5"

    def read_json(self, name: str | Path, shape: Any = None) -> Any:
        """Return a checked JSON file; `shape` defaults to the shape for its name."""
        path = self.path / name
        shape = SHAPES.get(path.name, dict) if shape is None else shape
        try:
            return read_shaped(path, shape, self.way_out)
        except FileNotFoundError:
            raise ValueError(
                f"{self.path} has no {name}: it is not a {self.what} folder of "
                f"keras_recur. {self.made_by}"
            ) from None

    def write_json(self, name: str | Path, content: Any) -> None:
        """Write a JSON file of this folder, whole or not at all."""
        write_json(self.path / name, content)

    def write_csv(self, name: str | Path, rows: list[dict[str, Any]]) -> None:
        """Write rows with equal keys as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        with replacing(self.path / name) as file:
            file.write(text.getvalue().encode())


def check_seeds(value: Sequence[int]) -> list[int]:
    """Return seeds from 0 as a list without duplicates."""

    def check(name, value):
        return check_integer(name, value, 0, maximum=_LARGEST_SEED)

    return list(dict.fromkeys(check_sequence("seeds", value, check, minimum=1)))


def check_networks(
    name: str, value: Sequence[str] | None, networks: Sequence[str]
) -> list[str]:
    """Return names of networks without duplicates; `None` stands for all of them."""

    def check(name, value):
        return check_one_of(name, value, networks)

    value = list(networks) if value is None else value
    return list(dict.fromkeys(check_sequence(name, value, check, minimum=1)))


def _check_plain(name, value):
    wrong = plain_name(value)
    if wrong:
        raise ValueError(f"`{name}` {wrong}. Received: {name}={value!r}.")
    return value


def _is_passing(path):
    """Return whether a file is a lock or left by an interrupted write."""
    lock = path.name.startswith(".") and path.name.endswith(".lock")
    return lock or path.suffix == ".partial"


def _version(path):
    """Return what changes whenever a file is replaced."""
    if not path.exists():
        return None
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
