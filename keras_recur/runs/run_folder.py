"""The folder of a run: what was asked, and what is finished."""

import contextlib
import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from keras_recur._files import check_path, locked, replacing, to_json, write_json
from keras_recur._shapes import plain_name, read_shaped
from keras_recur._validation import check_flag, check_integer, check_sequence
from keras_recur.runs._shapes import SHAPES
from keras_recur.runs.entry import Entry

_LARGEST_SEED = 2**32 - 1


class Plan(Protocol):
    """What a folder is made for: an `Entry`, or an experiment."""

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of all that is trained."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON, by which the folder is recognized."""
        ...

    def network(self, name: str, seed: int) -> Any:
        """The untrained network of that name and seed."""
        ...


class RunFolder:
    """A folder that holds one run, and only that.

    Every file is written as a whole or not at all, and what is finished is never
    written again.

    Args:
        path: The folder.

    Attributes:
        path: The folder.

    Raises:
        ValueError: If `path` is not a path.

    Example:

    >>> entry = keras_recur.runs.make_entry("mlp", "digits", quick=True)
    >>> run = keras_recur.runs.RunFolder("runs/digits")
    >>> run.begin(entry, seeds=[0], twins=["recurrent"], resume=False)
    >>> run.results()  # Nothing is finished.
    []
    """

    # The file that says what was asked, and how a damaged file is got rid of.
    asked_in = "run.json"
    what = "run"
    way_out = "Remove it and continue with --resume: only what it held is done again."
    made_by = "Runs are made by `keras-recur compare` and `experiment`."

    def __init__(self, path: str | Path):
        self.path = check_path("path", path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, so that no other process writes to it meanwhile.

        The folder is made. If nothing is written into it, it is removed again.

        Raises:
            ValueError: If another process holds it, or it is a file.
        """
        made = [p for p in (self.path, *self.path.parents) if not p.exists()]
        if any(p.is_file() for p in (self.path, *self.path.parents)):
            raise ValueError(
                f"{self.path} must be a folder, and it is a file or lies in one. "
                "Choose another folder."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.path):
                yield
        finally:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # Only empty ones can be.

    @contextlib.contextmanager
    def began(
        self, plan: Plan, seeds: list[int], twins: list[str], resume: bool
    ) -> Iterator[None]:
        """Begin, or take back what was begun if an error comes before any result.

        Raises:
            ValueError: As `begin`, and if a network cannot be built.
        """
        if not (self.path / self.asked_in).exists():
            for name in twins:
                plan.network(name, seeds[0])
        with self._or_taken_back(lambda: self.begin(plan, seeds, twins, resume)):
            yield

    @contextlib.contextmanager
    def _or_taken_back(self, begin):
        path = self.path / self.asked_in
        before = path.read_bytes() if path.is_file() else None
        begin()
        there = self._content()
        try:
            yield
        except Exception:
            if self._content() == there:
                self._take_back(path, before)
            raise

    def begin(
        self, entry: Plan, seeds: list[int], twins: list[str], resume: bool
    ) -> None:
        """Makes the folder, or checks that it was made for the same run.

        Args:
            entry: What is trained.
            seeds: The seeds that are asked for.
            twins: The names of the networks that are asked for.
            resume: Whether a run that was begun may be continued.

        Raises:
            ValueError: if the folder holds another configuration; or this one,
                and `resume` is false; or something that is no run.
        """
        seeds = check_seeds(seeds)
        check_sequence("twins", twins, _check_plain, minimum=1)
        check_flag("resume", resume)
        asked = json.loads(
            to_json({"entry": entry.as_dict(), "seeds": seeds, "twins": list(twins)})
        )
        if (self.path / self.asked_in).exists():
            begun = self.read_json(self.asked_in)
            self._check_same(_completed(entry, begun["entry"]), asked["entry"])
        elif not self._others():
            self.write_json(self.asked_in, asked)
            return
        else:
            begun = self._remains(entry, asked["entry"])
        if not resume:
            raise ValueError(
                f"{self.path} holds this run already. Continue it with --resume, or "
                "choose another folder with --output."
            )
        asked["seeds"] = sorted({*begun["seeds"], *seeds})
        asked["twins"] = [
            t for t in entry.networks if t in begun["twins"] or t in twins
        ]
        self.write_json(self.asked_in, asked)

    def _check_same(self, begun, asked):
        different = _differences(begun, asked)
        if different:
            raise ValueError(
                f"{self.path} belongs to another configuration. It differs in "
                f"{'; '.join(different)}. Nothing was overwritten: choose another "
                "folder with --output, or the configuration it was begun with."
            )

    def _remains(self, entry, asked):
        """Seeds and networks of a run whose `run.json` is gone, if they are of it."""
        found = [p for p in self.path.glob("seed-*/*/") if p.parent.name[5:].isdigit()]
        if not found:
            raise ValueError(
                f"{self.path} is not empty and holds no run. Choose another folder."
            )
        known, mine = None, identity(entry)
        if (self.path / "results.json").exists():
            results = self.read_json("results.json", SHAPES["any results"])
            known = results.get("entry", results.get("settings"))
            self._check_same(_completed(entry, known), asked)
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
        """All files there are, without what a run that is refused may leave."""
        return {
            str(path)
            for path in self.path.rglob("*")
            if path.is_file() and not _is_passing(path)
        }

    def _others(self):
        """Whether the folder holds anything but what a killed process may leave."""
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
        """Whether an experiment was run here, which has no `Entry`."""
        return "test_sizes" not in self.read_json(self.asked_in)["entry"]

    def entry(self) -> Entry:
        """The entry this run trains.

        Raises:
            ValueError: If what the folder was begun with is no entry.
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
        """The folder of one seed of one twin."""
        seed = check_integer("seed", seed, 0)
        return self.path / f"seed-{seed}" / _check_plain("twin", twin)

    def finished(self, seed: int, twin: str) -> dict[str, Any] | None:
        """The result of one seed of one twin, or `None`."""
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
        """Digest of the data that results here were made with, if there are any."""
        digests = (result.get("data_digest") for result in self._finished())
        return next(filter(None, digests), None)

    def write_result(
        self, seed: int, twin: str, plan: Plan, result: dict[str, Any]
    ) -> dict[str, Any]:
        """Write the result of one seed of one twin, and return what was written."""
        path = (self.twin(seed, twin) / "result.json").relative_to(self.path)
        self.write_json(path, {**result, "identity": identity(plan)})
        return self.finished(seed, twin) or {}

    def results(self) -> list[dict[str, Any]]:
        """All finished results, in order."""
        return list(self._finished())

    def _finished(self):
        asked = self.read_json(self.asked_in)
        for seed in asked["seeds"]:
            for twin in asked["twins"]:
                if result := self.finished(seed, twin):
                    yield result

    def read_json(self, name: str | Path, shape: Any = None) -> Any:
        """Reads a file of this folder.

        Args:
            name: The file, from this folder.
            shape: What it must hold, as of `_shapes.check_shape`. Default: what files
                of this name hold.

        Raises:
            ValueError: if it is missing or damaged, with the way out.
        """
        path = self.path / name
        shape = SHAPES.get(path.name, dict) if shape is None else shape
        try:
            return read_shaped(path, shape, self.way_out)
        except FileNotFoundError:
            raise ValueError(
                f"{self.path} holds no {name}: it is no {self.what} of this program. "
                f"{self.made_by}"
            ) from None

    def write_json(self, name: str | Path, content: Any) -> None:
        """Writes a file of this folder, as a whole or not at all."""
        write_json(self.path / name, content)

    def write_csv(self, name: str | Path, rows: list[dict[str, Any]]) -> None:
        """Writes rows with equal keys as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        with replacing(self.path / name) as file:
            file.write(text.getvalue().encode())


def check_seeds(value: Sequence[int]) -> list[int]:
    """Return seeds as a list, each once and in order.

    Raises:
        ValueError: If there is none, or one is not an integer from 0.
    """

    def check(name, value):
        return check_integer(name, value, 0, maximum=_LARGEST_SEED)

    return list(dict.fromkeys(check_sequence("seeds", value, check, minimum=1)))


def identity(plan: Plan) -> str:
    """Return a digest of what is trained, by which a result knows where it belongs."""
    text = json.dumps(json.loads(to_json(plan.as_dict())), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_plain(name, value):
    wrong = plain_name(value)
    if wrong:
        raise ValueError(f"`{name}` {wrong}. Received: {name}={value!r}.")
    return value


def _is_passing(path):
    """Whether a file is a lock, or was being written when its process was killed."""
    return path.name == ".lock" or path.suffix == ".partial"


def _completed(plan, begun):
    """What an older version began, with the defaults of what it did not know."""
    if not isinstance(plan, Entry):
        return begun
    try:
        return json.loads(to_json(Entry.from_dict(begun).as_dict()))
    except (KeyError, TypeError, ValueError, AttributeError):
        return begun  # The difference says what is wrong.


def _differences(begun, asked, where=""):
    """Where two configurations differ: "model.width: 48, not 32"."""
    if isinstance(begun, dict) and isinstance(asked, dict):
        found = []
        for key in sorted({*begun, *asked}):
            inner = f"{where}.{key}" if where else key
            found += _differences(begun.get(key), asked.get(key), inner)
        return found
    return [] if begun == asked else [f"{where}: {begun!r}, not {asked!r}"]
