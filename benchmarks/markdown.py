"""The paragraph and table of the README, from nothing but the CSV."""

from pathlib import Path

from exported_table import exported_table
from rows import Row, read_rows
from search_overhead import EPOCHS, EXAMPLES
from search_workers import EPOCHS as SHORT
from search_workers import LOAD
from setting import UNFUSED
from swrn import swrn_depth
from tables import amount

BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
HEAD = (
    "backend",
    "training step, against by hand",
    "import, over Keras",
    "first step: unrolled",
    "rolled",
    "later step: unrolled",
    "rolled",
    "peak memory of a step: plain",
    "remat",
    "remat's step, against plain",
    "mixing, against layer by layer",
    "SWRN's training step, against WRN's",
    "baked SWRN, against WRN",
    "state graph's step, against by hand",
    "its run, pruned against simulated",
    "its twin's step, against shared",
    "stopping early, against all iterations",
    "memory of a curve: stored",
    "streamed",
    "a search's trial, against fit alone, processor time",
    "trials per hour: 1 worker",
    "2 workers",
    "a worker's memory after 50 trials, over after 10: replaced every 20",
    "not replaced",
)
STEPS = (
    "Training step: median over that of the same network written by hand in plain "
    "Keras, for {names}."
)
LOOPS = "First step (trace, compile, run), later step and memory: {most} iterations."
MIXING = (
    "Mixing, forward and backward: 3x3x{channels}x{channels} kernels for {layers} "
    "layers from {templates} templates by `TemplateBank`, over the sum of coefficient "
    "times template in every layer, as in the paper's code."
)
SOFT = (
    "SWRN-{name}'s training step, and inference of it after `bake`: over those of "
    "WRN-{twin}, at batch {batch}."
)
GRAPH = (
    "State graph: `frnn` with three states at batch {batch}, {most} steps; its twin "
    "has weights of its own for every step. Pruned: without transitions that cannot "
    "reach the readout, at {least} steps, where they are {saved:.0%} of the "
    "operations; compilers drop them by themselves."
)
EARLY = (
    "Stopping early: prefix sums of {size} bits at batch {batch}, until successive "
    "answers agree, over {most} iterations for all; {share:.1%} right after {run:.1f} "
    "iterations on average, {fixed:.1%} after all."
)
CURVES = (
    "Memory of a curve: peak of scoring every iteration of a batch of {batch} inputs "
    "of {size}x{size}, outputs of all {few} iterations stored, and {most} iterations "
    "run one by one."
)
SEARCH = (
    "A search's trial: {epochs} epochs of {examples:,} strings of {size} bits, and all "
    "that the search does beside `fit`."
)
WORKERS = (
    "Trials per hour: twelve networks, {epochs} epochs each, one thread per process, "
    "from the start of the first process to the last row; before it, {loads} processes "
    "ran or waited on this machine."
)
CURVE = "peak memory of a curve"
GROWTH = "resident memory, last over first"
XLA = "XLA is off in TensorFlow's first line and on in its second."
PASSES = f"Unfused: XLA with `XLA_FLAGS={UNFUSED}`."


def markdown(folder: Path) -> str:
    """Compact tables, one per hardware, of every CSV in a folder but quick ones.

    Raises:
        ValueError: if there is nothing to show.
    """
    paths = sorted(p for p in folder.glob("*.csv") if not p.stem.endswith("-quick"))
    parts = [text for path in paths for text in _tables(read_rows(path), path)]
    if not parts:
        raise ValueError(
            f"No results in {folder}. Run `python benchmarks/run.py` first."
        )
    return "\n\n".join(parts)


def write_readme(readme: Path, text: str) -> None:
    """Puts the text between the markers of a file.

    Raises:
        ValueError: if the markers are not there, in this order.
    """
    old = readme.read_text(encoding="utf-8")
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme} has no lines {BEGIN} and {END}, in this order.")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _tables(rows: list[Row], path: Path):
    for hardware in dict.fromkeys(row.hardware for row in rows):
        here = [row for row in rows if row.hardware == hardware]
        newest = max(here, key=lambda row: row.date)
        lines = _filled([HEAD, *_lines(here)])
        yield "\n".join(
            [
                f"{hardware}, {newest.os}, Python {newest.python}, Keras "
                f"{newest.keras}, {newest.dtype}, {newest.date}. "
                + " ".join(_explained(here)),
                "",
                lines[0],
                f"|---|{'---:|' * (lines[0].count(' | '))}",
                *lines[1:],
                "",
                *exported_table(here),
                f"All figures, with versions: `{path.parent.name}/{path.name}` in "
                "`benchmarks/`.",
            ]
        )


def _explained(rows: list[Row]):
    """What the columns mean, as far as something was measured for them."""

    def found(part, column):
        values = (getattr(row, column) for row in rows if row.part == part)
        return list(dict.fromkeys(value for value in values if value))

    if names := found("step", "network"):
        yield STEPS.format(names=" and ".join(f"`{name}`" for name in names))
    if _most(rows) != "0":
        yield LOOPS.format(most=_most(rows))
    if templates := found("mixing", "templates"):
        yield MIXING.format(
            channels=" or ".join(str(64 * int(n)) for n in found("mixing", "width")),
            layers=" or ".join(str(2 * int(n)) for n in found("mixing", "iterations")),
            templates=" and ".join(templates),
        )
    soft = [row for row in rows if row.part in ("soft_step", "baked") and not row.note]
    for width, iterations, k in dict.fromkeys(
        (row.width, row.iterations, row.templates) for row in soft
    ):
        twin = f"{swrn_depth(int(iterations))}-{width}"
        sizes = dict.fromkeys(row.batch for row in soft if row.width == width)
        yield SOFT.format(name=f"{twin}-{k}", twin=twin, batch=" and ".join(sizes))
    graphs = [row for row in rows if row.part == "graph" and row.value]
    if saved := [1 - float(row.value) for row in graphs if row.what == "MACs"]:
        steps = [int(row.iterations) for row in graphs]
        yield GRAPH.format(
            batch=" and ".join(dict.fromkeys(row.batch for row in graphs)),
            most=max(steps),
            least=min(steps),
            saved=saved[0],
        )
    yield from _early(rows)
    trials = [row for row in rows if row.part == "search_overhead" and row.value]
    if trials:
        size = trials[0].size
        yield SEARCH.format(epochs=EPOCHS, examples=EXAMPLES, size=size)
    loads = [row.value for row in rows if row.what == LOAD]
    if loads:
        yield WORKERS.format(epochs=SHORT, loads=" and ".join(loads))
    if len({row.jit for row in rows if row.backend == "tensorflow" and row.jit}) > 1:
        yield XLA
    if any(row.jit == "unfused" for row in rows):
        yield PASSES


def _early(rows: list[Row]):
    """Of stopping early: what the ratios were reached with, at the largest batch."""
    rows = [row for row in rows if row.part == "anytime" and row.value]
    agreed = [row for row in rows if row.variant == "agreement"]
    if agreed:
        batches = sorted({int(row.batch) for row in agreed})
        last = [row for row in rows if row.batch == str(batches[-1])]

        def value(what, variant):
            found = (r for r in last if (r.what, r.variant) == (what, variant))
            return float(next(found).value)

        yield EARLY.format(
            size=agreed[0].size,
            batch=" and ".join(map(str, batches)),
            most=agreed[0].iterations,
            share=value("early exit, accuracy", "agreement"),
            run=value("iterations run", "agreement"),
            fixed=value("early exit, accuracy", "all iterations"),
        )
    curves = [row for row in rows if row.what == CURVE]
    if curves:
        counts = [int(row.iterations) for row in curves]
        yield CURVES.format(
            batch=curves[0].batch,
            size=curves[0].size,
            few=min(counts),
            most=max(counts),
        )


def _filled(table):
    """The table's lines, without columns in which nothing was measured."""
    columns = [c for c in zip(*table, strict=True) if set(c[1:]) != {"–"}]
    return [f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True)]


def _lines(rows: list[Row]):
    found = dict.fromkeys((row.backend, row.jit) for row in rows if row.jit)
    imports = dict.fromkeys((r.backend, "") for r in rows if r.part == "import")
    measured = {backend for backend, _ in found}
    for backend, jit in [*found, *(i for i in imports if i[0] not in measured)]:
        same = [row for row in rows if row.backend == backend and row.jit in (jit, "")]
        version = next(row.backend_version for row in same)
        most = _most(rows)

        def cell(what, variant, show=amount, same=same, most=most):
            for row in same:
                if (row.what, row.variant, row.iterations) == (what, variant, most):
                    return show(row)
            late = any(row.note and row.variant == variant for row in same)
            return "no result" if late else "–"

        def ratios(part, what="", same=same):
            found = (r for r in same if r.part == part and r.ratio)
            found = (r for r in found if what in ("", r.what))
            return ", ".join(f"{float(r.ratio):.2f}" for r in found) or "–"

        more = [amount(r) for r in same if r.what == "import, difference"]
        cells = (
            f"{backend} {version}" + (f", {jit}" if jit == "unfused" else ""),
            ratios("step"),
            f"+{more[0]}".replace("+-", "-") if more else "–",
            *(cell("first step", v) for v in ("unrolled", "rolled")),
            *(cell("later step", v) for v in ("unrolled", "rolled")),
            *(_memory(cell, v) for v in ("plain", "remat")),
            cell("step time", "remat", _ratio),
            *(ratios(part) for part in ("mixing", "soft_step", "baked")),
            *(ratios("graph", w) for w in ("step", "forward pass", "untied step")),
            _stopping(same),
            *(_curve(same, variant) for variant in ("stored", "streamed")),
            ratios("search_overhead", "trial, processor time"),
            *(_search(same, "trials", v) for v in ("1 worker", "2 workers")),
            *(_search(same, GROWTH, v) for v in ("replaced", "kept")),
        )
        yield cells


def _stopping(rows: list[Row]) -> str:
    """Ratios of stopping by agreement, from the smallest batch to the largest."""
    found = [r for r in rows if (r.what, r.variant) == ("early exit", "agreement")]
    found = sorted((int(r.batch), r.ratio) for r in found if r.ratio)
    return ", ".join(f"{float(ratio):.2f}" for _, ratio in found) or "–"


def _search(rows: list[Row], what: str, variant: str) -> str:
    found = [r for r in rows if (r.what, r.variant) == (what, variant) and r.value]
    found = [r for r in found if r.part.startswith("search")]
    return f"{float(found[0].value):.3g}" if found else "–"


def _curve(rows: list[Row], variant: str) -> str:
    """Of the longest curve that was measured."""
    found = [r for r in rows if (r.what, r.variant) == (CURVE, variant) and r.value]
    return amount(max(found, key=lambda r: int(r.iterations))) if found else "–"


def _memory(cell, variant):
    steady = cell("peak memory", variant)
    return steady if steady != "–" else cell("peak memory with compiling", variant)


def _ratio(row: Row) -> str:
    return f"{float(row.ratio):.2f}" if row.ratio else "–"


def _most(rows: list[Row]) -> str:
    counts = [int(r.iterations) for r in rows if r.part in ("compile", "memory")]
    return str(max(counts, default=0))
