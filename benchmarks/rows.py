"""The CSV files: one row per measurement, with its provenance."""

import csv
import dataclasses
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Two rows that agree in these are the same measurement; the newer one is kept.
IDENTITY = (
    *("part", "what", "backend", "jit", "network", "width", "size", "batch"),
    *("iterations", "templates", "variant", "hardware", "dtype"),
)


@dataclass(frozen=True)
class Row:
    """One measured value. All fields are text, as in the file; "" means no value.

    Attributes:
        part: One of the parts of run.py, such as "step".
        what: What was measured, such as "first step".
        variant: Which of the compared variants it is, such as "rolled".
        ratio_to: The variant that `ratio` is relative to.
        note: Why there is no value.
        command: Command line in benchmarks/ that repeats this measurement.
    """

    part: str
    what: str
    backend: str
    jit: str = ""
    network: str = ""
    width: str = ""
    size: str = ""
    batch: str = ""
    iterations: str = ""
    templates: str = ""
    variant: str = ""
    value: str = ""
    unit: str = ""
    ratio: str = ""
    ratio_to: str = ""
    repeats: str = ""
    note: str = ""
    device: str = ""
    hardware: str = ""
    os: str = ""
    python: str = ""
    keras: str = ""
    backend_version: str = ""
    numpy: str = ""
    keras_recur: str = ""
    dtype: str = ""
    date: str = ""
    commit: str = ""
    command: str = ""

    @property
    def identity(self) -> tuple[str, ...]:
        return tuple(getattr(self, name) for name in IDENTITY)

    @property
    def reference(self) -> tuple[str, ...]:
        """The identity of the row that `ratio` is relative to."""
        return dataclasses.replace(self, variant=self.ratio_to).identity


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))


def make_row(**columns) -> Row:
    """Return a row from values of any type, with four digits and "" for `None`."""
    return Row(**{name: _text(value) for name, value in columns.items()})


def _text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, or no rows if the file does not exist.

    Raises:
        ValueError: If the file is not such a table.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(
                f"{path} must be a table of these benchmarks, with the columns "
                f"{list(COLUMNS)}. Received: {reader.fieldnames}. Move it away, or "
                "name another file with --output."
            )
        rows = list(reader)
    if any(None in row or None in row.values() for row in rows):
        raise ValueError(
            f"{path} has a line with too few or too many fields, as a truncated file "
            "does. Repair it, or move it away."
        )
    return [Row(**row) for row in rows]


def add_rows(path: Path, new: Iterable[Row]) -> list[Row]:
    """Write rows into the file. They replace rows of the same measurement.

    The file is replaced in one step, so an interruption leaves the old one.

    Returns:
        All rows of the file.
    """
    new = list(new)
    replaced = {row.identity for row in new}
    commands = {(row.backend, row.command, row.hardware) for row in new}
    kept = [
        row
        for row in read_rows(path)
        if row.identity not in replaced
        and (row.backend, row.command, row.hardware) not in commands
    ]
    rows = with_ratios(kept + new)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(row) for row in rows)
    os.replace(part, path)
    return rows


def with_ratios(rows: list[Row]) -> list[Row]:
    """Return the rows with `ratio` set wherever the reference was measured."""
    values = {row.identity: float(row.value) for row in rows if row.value}

    def ratio(row):
        reference = values.get(row.reference)
        if not (row.ratio_to and row.value and reference):
            return dataclasses.replace(row, ratio="")
        return dataclasses.replace(row, ratio=_text(float(row.value) / reference))

    return [ratio(row) for row in rows]
