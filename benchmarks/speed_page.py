"""The tables of docs/speed.md, from nothing but the CSV files."""

from pathlib import Path

from measurements import FOOTNOTE, MEASUREMENTS, Measurement
from rows import Row, read_rows

from keras_recur._files import read_text, replace_between, write_text

BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def speed_page(folder: Path) -> str:
    """Return one section for each measurement that some CSV in `folder` has rows of.

    Files of quick runs are left out.

    Raises:
        ValueError: If there is nothing to show.
    """
    paths = sorted(p for p in folder.glob("*.csv") if not p.stem.endswith("-quick"))
    rows = {path: read_rows(path) for path in paths}
    sections = []
    for measurement in MEASUREMENTS:
        tables = [
            f"{lines}\n\n{_source(found, path)}"
            for path in paths
            for hardware in dict.fromkeys(row.hardware for row in rows[path])
            if (found := _rows(measurement, rows[path], hardware))
            and (lines := _table(measurement, found))
        ]
        if tables:
            text = measurement.text
            if measurement.target:
                text += f" The target is at most {measurement.target:.3g}."
            sections += [f"## {measurement.title}", text, *tables]
    if not sections:
        raise ValueError(
            f"No results in {folder}. Run `python benchmarks/run.py` first."
        )
    return "\n\n".join([*sections, FOOTNOTE])


def write_page(page: Path, text: str) -> None:
    """Put the text between the markers of a page.

    Raises:
        ValueError: If the markers are not there, in this order.
    """
    old = read_text(page)
    if END not in old.partition(BEGIN)[2]:
        raise ValueError(f"{page} has no lines {BEGIN} and {END}, in this order.")
    write_text(page, replace_between(old, BEGIN, END, text))


def amount(row: Row) -> str:
    """Return the value with its unit and three digits, in ms where it is short."""
    value, unit = float(row.value), row.unit
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "ratio":
        return f"{value:.2f}"
    if unit == "s" and abs(value) < 1:
        value, unit = value * 1000, "ms"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {'' if unit.startswith('per ') else unit}".rstrip()


def _rows(measurement: Measurement, rows: list[Row], hardware: str) -> list[Row]:
    return [
        row
        for row in rows
        if row.hardware == hardware and _matches(row, measurement.rows)
    ]


def _matches(row: Row, columns: dict[str, str]) -> bool:
    return all(getattr(row, name) == value for name, value in columns.items())


def _table(measurement: Measurement, rows: list[Row]) -> str:
    """Return the table; "" if it would be empty."""
    if measurement.lines:
        first = "stops at"
        labels = {
            label: [r for r in rows if r.variant in (variant, "exported")]
            for variant, label in measurement.lines.items()
            if any(row.variant == variant for row in rows)
        }
    else:
        first = measurement.header or measurement.line or "backend"
        labels = {}
        for row in rows:
            label = (
                f"`{getattr(row, measurement.line)}`"
                if measurement.line
                else _label(row)
            )
            labels.setdefault(label, []).append(row)
    lines = []
    for label, found in labels.items():
        cells = [_cell(found, dict(c), measurement) for c in measurement.cells.values()]
        if set(cells) != {"–"}:
            lines.append([label, *cells])
    if not lines:
        return ""
    head = [[first, *measurement.cells], ["---", *["---:"] * len(measurement.cells)]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [*head, *lines])


def _label(row: Row) -> str:
    """Return the backend with its version, and how it compiled."""
    compiled = {"true": ", XLA", "unfused": ", XLA unfused"}.get(row.jit, "")
    if row.backend == "jax":  # It always compiles with XLA.
        compiled = compiled.replace(", XLA", "").replace(" unfused", ", unfused")
    return f"{row.backend} {row.backend_version}{compiled}"


def _cell(rows: list[Row], columns: dict[str, str], measurement: Measurement) -> str:
    show = columns.pop("show", "value")
    found = [row for row in rows if _matches(row, columns)]
    if measurement.lines and "variant" not in columns:
        found = [row for row in found if row.variant != "exported"]
    for row in found:
        if getattr(row, show):
            return f"{float(row.ratio):.2f}" if show == "ratio" else amount(row)
    return "no result" if any(row.note for row in found) else "–"


def _source(rows: list[Row], path: Path) -> str:
    newest = max(rows, key=lambda row: row.date)
    return (
        f"{newest.hardware}, {newest.dtype}, Python {newest.python}, Keras "
        f"{newest.keras}, {newest.date}; rows in `benchmarks/results/{path.name}`."
    )
