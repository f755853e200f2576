"""What exporting saves, in the cards of the published entries it was measured on."""

from pathlib import Path

from exported import ENTRIES
from exported_table import exported_table
from rows import Row, read_rows

HEADING = "## Exported"


def write_cards(zoo: Path, results: Path) -> list[Path]:
    """Puts a section at the end of these cards, in place of an older one.

    To be repeated after `keras-recur card`, which writes a card anew.

    Raises:
        ValueError: if nothing was measured.
    """
    rows: list[Row] = []
    for path in sorted(results.glob("*.csv")):
        if not path.stem.endswith("-quick"):
            rows += [row for row in read_rows(path) if row.part == "exported"]
    written = []
    for (network, size), (name, *_) in ENTRIES.items():
        here = [r for r in rows if (r.network, r.size) == (network, str(size))]
        if lines := exported_table(here):
            card = zoo / name / "README.md"
            text = card.read_text(encoding="utf-8").partition(f"\n{HEADING}\n")[0]
            source = f"On {here[0].hardware}; by `benchmarks/run.py --only exported`."
            parts = [text.rstrip("\n"), "", HEADING, "", *lines, source, ""]
            card.write_text("\n".join(parts), encoding="utf-8")
            written.append(card)
    if not written:
        raise ValueError(
            f"No exported network was measured in {results}. Run `python "
            "benchmarks/run.py --only exported` first."
        )
    return written
