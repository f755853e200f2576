"""The folder of a search: what was asked, and a row for every run that is finished."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from keras_recur.runs.run_folder import RunFolder


class SearchFolder(RunFolder):
    """Files of a search: `search.json`, and `rows/`, which is what counts.

    Args:
        path: The folder.
    """

    def begin_search(self, content: dict[str, Any]) -> None:
        """Makes the folder, or checks that it belongs to the same search.

        Args:
            content: Of `search.json`; its `settings` tell one search from another.

        Raises:
            ValueError: if it holds another search, or something else.
        """
        content = json.loads(json.dumps(content))
        settings = content["settings"]
        if not (self.path / "search.json").exists():
            if self.path.exists() and any(self.path.iterdir()):
                raise ValueError(
                    f"{self.path} is not empty and holds no search. Choose another "
                    "folder."
                )
            self.write_json("search.json", content)
            return
        begun = self.read_json("search.json")["settings"]
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

    def row(self, name: str, fresh: bool = False) -> dict[str, Any] | None:
        """The row of a finished run, or `None`; `fresh` ones are the winner's."""
        path = self._row(name, fresh)
        return self.read_json(path) if (self.path / path).exists() else None

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
            path.stem: self.read_json(path.relative_to(self.path))
            for path in paths
            if path.stem not in known
        }

    def finished_rows(self) -> list[dict[str, Any]]:
        """All rows there are, in order of their names."""
        return list(self.rows_but(()).values())

    def weights(self, name: str) -> Path:
        """Where the weights of a run are, or will be."""
        return self.path / "runs" / f"{name}.weights.h5"
