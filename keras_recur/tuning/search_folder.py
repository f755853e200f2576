"""The folder of a search, with its settings and a row for every completed run."""

import contextlib
import hashlib
import json
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from keras_recur._files import to_json
from keras_recur._shapes import read_shaped
from keras_recur.runs.run_folder import RunFolder
from keras_recur.tuning._shapes import CONTENT, ROW
from keras_recur.tuning._shared_study import SharedStudy
from keras_recur.tuning._storage import JOURNAL
from keras_recur.tuning.settings import renamed_settings
from keras_recur.version import __version__

_ROW_WAY_OUT = "Remove it and resume the search: only this network is trained again."


class SearchFolder(RunFolder):
    """Folder of a search, with `search.json` and `rows/`."""

    asked_in = "search.json"
    what = "search"
    way_out = "Remove it and search again with the same settings: rows are kept."
    made_by = "Searches are made by `keras-recur search`."

    @contextlib.contextmanager
    def shared(self, storage: str | None = None) -> Iterator[SharedStudy]:
        """Create the folder and take part in its search, as one of many processes."""
        with self._made(), SharedStudy(self.path, storage) as shared:
            yield shared

    def begin_search(self, content: dict[str, Any], identity: str = "") -> None:
        """Write `search.json`, or check that it belongs to the same search."""
        self.check_search(content, identity)
        if not (self.path / self.asked_in).exists():
            self.write_json(self.asked_in, {**content, "study": uuid.uuid4().hex})

    def study_name(self) -> str:
        """Return the name of the search's study, which is not that of any other."""
        content = self.content()
        if "study" not in content:  # An earlier version has begun the search.
            content["study"] = uuid.uuid4().hex
            self.write_json(self.asked_in, content)
        return content["study"]

    def check_search(self, content: dict[str, Any], identity: str = "") -> None:
        """Check that a search can begin in the folder or resume there."""
        content = json.loads(to_json(content))
        if not (self.path / self.asked_in).exists():
            if self._others():
                self._check_remains(identity)
            return
        begun = _comparable(self.content().get("settings") or {})
        settings = _comparable(content["settings"])
        different = [
            f"{k}: {begun.get(k)!r}, not {settings.get(k)!r}"
            for k in sorted({*begun, *settings})
            if begun.get(k) != settings.get(k)
        ]
        if different:
            raise ValueError(
                f"{self.path} contains another search. It differs in "
                f"{'; '.join(different)}. Nothing was overwritten: choose another "
                "folder, or use the settings it was begun with."
            )

    def _others(self):
        """Return whether there are files of anything but the processes of a search."""
        own = {"alive", JOURNAL}
        passing = (".lock", ".partial")
        return self.path.exists() and any(
            path.name not in own and path.suffix not in passing
            for path in self.path.iterdir()
        )

    def _check_remains(self, identity):
        """Check that rows without a `search.json` belong to the same search."""
        if not any((self.path / name).is_dir() for name in ("rows", "runs")):
            raise ValueError(
                f"{self.path} is not empty and holds no search. Choose another folder."
            )
        for fresh in (False, True):
            for name, row in self.rows_but((), fresh).items():
                if row.get("identity") != identity:
                    raise ValueError(
                        f"{self.path} has lost its search.json, and its row {name} "
                        "belongs to another search. Nothing was overwritten: choose "
                        "another folder."
                    )

    def content(self) -> dict[str, Any]:
        """Return the content of `search.json`, without the folder of the data."""
        content = self.read_json(self.asked_in, CONTENT)
        if content.get("settings"):
            content["settings"] = renamed_settings(content["settings"])
            content["settings"].pop("data_dir", None)
        return content

    def row(self, name: str, fresh: bool = False) -> dict[str, Any] | None:
        """Return a row or `None`; rows of the winner's fresh seeds are `fresh`."""
        path = self._row(name, fresh)
        return self._read_row(path) if (self.path / path).exists() else None

    def _read_row(self, path):
        return read_shaped(self.path / path, ROW, _ROW_WAY_OUT)

    def made_with(self) -> str | None:
        """Return the digest of the data, or `None` without rows."""
        for path in (self.path / "rows").glob("*.json"):
            digest = self._read_row(path.relative_to(self.path)).get("data_digest")
            if digest:
                return digest
        return None

    def write_row(self, name: str, row: dict[str, Any], fresh: bool = False) -> None:
        self.write_json(self._row(name, fresh), row)

    def _row(self, name, fresh):
        return Path("winner" if fresh else "rows") / f"{name}.json"

    def rows_but(
        self, known: Collection[str], fresh: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Return rows by name. Known rows are not read."""
        paths = sorted((self.path / self._row("any", fresh)).parent.glob("*.json"))
        return {
            path.stem: self._read_row(path.relative_to(self.path))
            for path in paths
            if path.stem not in known
        }

    def finished_rows(self) -> list[dict[str, Any]]:
        return list(self.rows_but(()).values())

    def digest(self) -> str:
        """Return the digest of all rows, with the winner's fresh seeds."""
        found = hashlib.sha256(__version__.encode())
        for fresh in (False, True):
            folder = (self.path / self._row("any", fresh)).parent
            for path in sorted(folder.glob("*.json")):
                found.update(f"\n{fresh} {path.name}\n".encode() + path.read_bytes())
        return found.hexdigest()

    def weights(self, name: str) -> Path:
        return self.path / "runs" / f"{name}.weights.h5"


def _comparable(settings):
    rate = settings.get("learning_rate")
    if isinstance(rate, dict):  # Earlier versions wrote a range as a list.
        return {**settings, "learning_rate": [rate.get("low"), rate.get("high")]}
    return settings
