"""The folder of a search: what was asked, and a row for every run that is finished."""

import contextlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from keras_recur._files import to_json
from keras_recur._shapes import read_shaped
from keras_recur.runs.run_folder import RunFolder
from keras_recur.tuning._shapes import CONTENT, ROW

_ROW_WAY_OUT = (
    "Remove it and go on with the search: only this network is trained again."
)


class SearchFolder(RunFolder):
    """Files of a search: `search.json`, and `rows/`, which is what counts.

    Args:
        path: The folder.
    """

    asked_in = "search.json"
    what = "search"
    way_out = "Remove it and search again with the same settings: finished rows count."
    made_by = "Searches are made by `keras-recur search`."

    @contextlib.contextmanager
    def searching(self, content: dict[str, Any], identity: str) -> Iterator[None]:
        """Begin, or take back what was begun if an error comes before any row."""
        with self._or_taken_back(lambda: self.begin_search(content, identity)):
            yield

    def begin_search(self, content: dict[str, Any], identity: str = "") -> None:
        """Makes the folder, or checks that it belongs to the same search.

        Args:
            content: Of `search.json`; its `settings` tell one search from another.
            identity: Digest of the settings, by which rows know where they belong.

        Raises:
            ValueError: if it holds another search, or something else.
        """
        content = json.loads(to_json(content))
        if not (self.path / self.asked_in).exists():
            if self._others():
                self._check_remains(identity)
            self.write_json(self.asked_in, content)
            return
        begun = self.content().get("settings") or {}
        settings = _comparable(content["settings"])
        begun = _comparable(begun)
        different = [
            f"{k}: {begun.get(k)!r}, not {settings.get(k)!r}"
            for k in sorted({*begun, *settings})
            if begun.get(k) != settings.get(k)
        ]
        if different:
            raise ValueError(
                f"{self.path} holds another search. It differs in "
                f"{'; '.join(different)}. Nothing was overwritten: choose another "
                "folder, or ask for the search it was begun with."
            )

    def _check_remains(self, identity):
        """Rows of a search whose `search.json` is gone must be of the same one."""
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
        """What `search.json` holds, without where the data were.

        Raises:
            ValueError: if it is missing or damaged.
        """
        content = self.read_json(self.asked_in, CONTENT)
        if content.get("settings"):
            content["settings"].pop("data_dir", None)
        return content

    def row(self, name: str, fresh: bool = False) -> dict[str, Any] | None:
        """The row of a finished run, or `None`; `fresh` ones are the winner's."""
        path = self._row(name, fresh)
        return self._read_row(path) if (self.path / path).exists() else None

    def _read_row(self, path):
        return read_shaped(self.path / path, ROW, _ROW_WAY_OUT)

    def made_with(self) -> str | None:
        """Digest of the data that rows here were made with, if there are any."""
        for path in (self.path / "rows").glob("*.json"):
            digest = self._read_row(path.relative_to(self.path)).get("data_digest")
            if digest:
                return digest
        return None

    def write_row(self, name: str, row: dict[str, Any], fresh: bool = False) -> None:
        """Writes a row as a whole or not at all."""
        self.write_json(self._row(name, fresh), row)

    def _row(self, name, fresh):
        return Path("winner" if fresh else "rows") / f"{name}.json"

    def rows_but(
        self, known: Collection[str], fresh: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Rows by the names of their runs, without those that are known: not read."""
        paths = sorted((self.path / self._row("any", fresh)).parent.glob("*.json"))
        return {
            path.stem: self._read_row(path.relative_to(self.path))
            for path in paths
            if path.stem not in known
        }

    def finished_rows(self) -> list[dict[str, Any]]:
        """All rows there are, in order of their names."""
        return list(self.rows_but(()).values())

    def weights(self, name: str) -> Path:
        """Where the weights of a run are, or will be."""
        return self.path / "runs" / f"{name}.weights.h5"


def _comparable(settings):
    """Settings as they are compared: where data lie is no part of them."""
    settings = {k: v for k, v in settings.items() if k != "data_dir"}
    rate = settings.get("learning_rate")
    if isinstance(rate, dict):  # Earlier versions wrote a range as a list.
        settings["learning_rate"] = [rate.get("low"), rate.get("high")]
    return settings
