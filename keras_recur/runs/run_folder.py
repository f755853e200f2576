"""The folder of a run: what was asked, and what is finished."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Protocol

from keras_recur._files import replacing
from keras_recur.runs.entry import Entry


class Plan(Protocol):
    """What a folder is made for: an `Entry`, or an experiment."""

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of all that is trained."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON, by which the folder is recognized."""
        ...


class RunFolder:
    """A folder that holds one run, and only that.

    Every file is written as a whole or not at all, and what is finished is never
    written again.

    Args:
        path: The folder.

    Attributes:
        path: The folder.

    Example:

    >>> entry = keras_recur.runs.make_entry("mlp", "digits", quick=True)
    >>> run = keras_recur.runs.RunFolder("runs/digits")
    >>> run.begin(entry, seeds=[0], twins=["recurrent"], resume=False)
    >>> run.results()  # Nothing is finished.
    []
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def begin(self, entry: Plan, seeds: list[int], twins: list[str], resume: bool):
        """Makes the folder, or checks that it was made for the same run.

        Raises:
            ValueError: if the folder holds another configuration; or this one,
                and `resume` is false; or something that is no run.
        """
        asked = {"entry": entry.as_dict(), "seeds": seeds, "twins": twins}
        asked = json.loads(json.dumps(asked))
        if not (self.path / "run.json").exists():
            if self.path.exists() and any(self.path.iterdir()):
                raise ValueError(
                    f"{self.path} is not empty and holds no run. Choose another folder."
                )
            self.write_json("run.json", asked)
            return
        begun = self.read_json("run.json")
        different = _differences(begun["entry"], asked["entry"])
        if different:
            raise ValueError(
                f"{self.path} belongs to another configuration. It differs in "
                f"{'; '.join(different)}. Nothing was overwritten: choose another "
                "folder with --out, or the configuration it was begun with."
            )
        if not resume:
            raise ValueError(
                f"{self.path} holds this run already. Continue it with --resume, or "
                "choose another folder with --out."
            )
        asked["seeds"] = sorted({*begun["seeds"], *seeds})
        asked["twins"] = [
            t for t in entry.networks if t in begun["twins"] or t in twins
        ]
        self.write_json("run.json", asked)

    def of_experiment(self) -> bool:
        """Whether an experiment was run here, which has no `Entry`."""
        return "test_sizes" not in self.read_json("run.json")["entry"]

    def entry(self) -> Entry:
        """The entry this run trains."""
        return Entry.from_dict(self.read_json("run.json")["entry"])

    def twin(self, seed: int, twin: str) -> Path:
        """The folder of one seed of one twin."""
        return self.path / f"seed-{seed}" / twin

    def finished(self, seed: int, twin: str) -> dict[str, Any] | None:
        """The result of one seed of one twin, or `None`."""
        path = self.twin(seed, twin) / "result.json"
        return self.read_json(path.relative_to(self.path)) if path.exists() else None

    def results(self) -> list[dict[str, Any]]:
        """All finished results, in order."""
        asked = self.read_json("run.json")
        found = [
            self.finished(seed, twin)
            for seed in asked["seeds"]
            for twin in asked["twins"]
        ]
        return [result for result in found if result]

    def read_json(self, name: str | Path) -> Any:
        """Reads a file of this folder.

        Raises:
            ValueError: if it is missing or damaged, with the way out.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            raise ValueError(
                f"{self.path} holds no {name}: it is no run of this program. Runs are "
                "made by `keras-recur compare`, `train` and `experiment`."
            ) from None
        except (ValueError, OSError) as error:
            raise ValueError(
                f"{path} is damaged and cannot be read ({error}). Remove it and "
                "continue with --resume: only what it held is done again."
            ) from error

    def write_json(self, name: str | Path, content: Any) -> None:
        """Writes a file of this folder, as a whole or not at all."""
        with replacing(self.path / name) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())

    def write_csv(self, name: str | Path, rows: list[dict[str, Any]]) -> None:
        """Writes rows with equal keys as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        with replacing(self.path / name) as file:
            file.write(text.getvalue().encode())


def _differences(begun, asked, where=""):
    """Where two configurations differ: "model.width: 48, not 32"."""
    if isinstance(begun, dict) and isinstance(asked, dict):
        found = []
        for key in sorted({*begun, *asked}):
            inner = f"{where}.{key}" if where else key
            found += _differences(begun.get(key), asked.get(key), inner)
        return found
    return [] if begun == asked else [f"{where}: {begun!r}, not {asked!r}"]
