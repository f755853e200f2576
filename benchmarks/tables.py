"""The table that is printed: per backend, every ratio, with its target."""

from rich.table import Table
from rows import Row

ORDER = ("step", "compile", "memory", "import", "mixing", "soft_step", "baked", "graph")
ORDER += ("anytime", "exported", "search_overhead", "search_workers", "search_memory")
TARGETS = {
    ("step", "step"): ("ratio", 1.03),
    ("import", "import, difference"): ("value", 0.3),
    ("mixing", "mixing"): ("ratio", 1 / 3),
    ("soft_step", "training step"): ("ratio", 1.05),
    ("baked", "inference"): ("ratio", 1.02),
    ("graph", "step"): ("ratio", 1.03),
    ("graph", "forward pass over MACs"): ("value", 1.1),
    ("search_overhead", "trial"): ("ratio", 1.05),
    ("search_overhead", "trial, processor time"): ("ratio", 1.05),
    ("search_memory", "resident memory, last over first"): ("value", 1.1),
}


def table(rows: list[Row], backend: str) -> Table:
    """What was measured with one backend, compared in ratios."""
    rows = [row for row in rows if row.backend == backend]
    head = rows[0]
    result = Table(
        title=f"{backend} {head.backend_version}, Keras {head.keras}, {head.hardware}",
        caption="ratio: below 1 is less time or memory than what it is against",
    )
    for name in ("measurement", "network", "jit", "iterations"):
        result.add_column(name, justify="right" if name == "iterations" else "left")
    for name in ("value", "against", "ratio", "target"):
        result.add_column(name, justify="right")
    values = {row.identity: row for row in rows}
    before = ""
    for row in sorted(rows, key=_order):
        if not (row.ratio_to or row.note or row.unit == "ratio" or target(row)):
            continue
        if before not in ("", row.part):
            result.add_section()
        before = row.part
        reference = values.get(row.reference) if row.ratio_to else None
        result.add_row(
            f"{row.what}, {row.variant}" if row.variant else row.what,
            row.network + (f", {row.templates} templates" if row.templates else ""),
            row.jit,
            row.iterations,
            "" if row.unit == "ratio" else amount(row),
            f"{row.ratio_to} {amount(reference)}" if reference else row.note,
            f"{float(ratio(row)):.2f}" if ratio(row) else "",
            target(row),
        )
    return result


def ratio(row: Row) -> str:
    return row.value if row.unit == "ratio" else row.ratio


def amount(row: Row) -> str:
    """The value with its unit, three digits, in ms where it is short."""
    if not row.value:
        return ""
    value, unit = float(row.value), row.unit
    if unit == "s" and abs(value) < 1 and row.part != "import":
        value, unit = value * 1000, "ms"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def target(row: Row) -> str:
    """The target and whether it is met; "" for what has none."""
    if (row.part, row.what) not in TARGETS:
        return ""
    column, most = TARGETS[row.part, row.what]
    value = getattr(row, column)
    if not value:
        return ""
    return f"{'met' if float(value) <= most else 'MISSED'} (≤ {most:.3g})"


def _order(row: Row):
    part = ORDER.index(row.part) if row.part in ORDER else len(ORDER)
    counts = int(row.templates or 0), int(row.iterations or 0)
    return part, row.network, row.jit, row.what, *counts, row.variant
