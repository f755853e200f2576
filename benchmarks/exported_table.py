"""The table of exported networks, from nothing but the CSV."""

from rows import Row

HEAD = (
    "examples",
    "`serve`, against Keras",
    "its twin, against it",
    "it stops at",
    "stopping, against `serve`",
    "right",
    "iterations",
)
TITLE = (
    "Exported by each backend and served by TensorFlow: published networks on the "
    "examples they were trained for. Times are ratios, medians over pairs of runs, at "
    "batch {batches}: "
    "`serve` against `predict_on_batch` of the Keras model it was exported from, the "
    "feed-forward twin's `serve` against the recurrent network's, and `serve_until` "
    "and `serve_until_agreed`, which stop when all of a batch are as sure or so many "
    "iterations have changed no answer, against `serve`, which runs all "
    "iterations; beside it the test examples that are answered right, and the "
    "iterations run, of an example on average. A maze is as sure as its positions on "
    "average, strings as their least sure one."
)
TASKS = {
    "deep_thinking_1d": "prefix sums of {} bits",
    "deep_thinking_2d": "mazes of size {}",
}


def exported_table(rows: list[Row]) -> list[str]:
    """Lines of Markdown; none where nothing was measured."""
    rows = [row for row in rows if row.part == "exported" and row.value]
    if not rows:
        return []
    batches = sorted({int(row.batch) for row in rows})
    found = [HEAD]
    saved = []
    for network, size in dict.fromkeys((row.network, row.size) for row in rows):
        here = [r for r in rows if (r.network, r.size) == (network, size)]
        shown = task = TASKS[network].format(size)
        timed = {
            backend: _ratios([r for r in here if r.backend == backend], "exported")
            for backend in dict.fromkeys(row.backend for row in here)
        }
        keras = "; ".join(f"{name} {ratios}" for name, ratios in timed.items())
        for variant in dict.fromkeys(r.variant for r in here if "-" in r.variant):
            same = [r for r in here if r.variant == variant]
            every = _last(here, "exported, accuracy", "exported")
            right = _last(same, "exported, accuracy", variant)
            run = _last(same, "exported, iterations run", variant)
            ratios = _ratios(same, variant)
            if right >= every:
                saved.append((task, _rule(variant), ratios))
            found.append(
                (
                    shown,
                    keras,
                    _ratios(here, "twin") if shown else "",
                    _rule(variant),
                    ratios,
                    f"{right:.1%} (all iterations: {every:.1%})",
                    f"{run:.1f} of {same[0].iterations}",
                )
            )
            shown = keras = ""
    lines = [f"| {' | '.join(cells)} |" for cells in found]
    return [
        TITLE.format(batches=" and ".join(map(str, batches))) + _saving(saved),
        "",
        lines[0],
        "|---|---|---:|---:|---:|---:|---:|",
        *lines[1:],
        "",
    ]


def _rule(variant):
    name, _, strictness = variant.partition("-")
    return f"{'confidence' if name == 'until' else 'agreement'} {strictness}"


def _saving(saved):
    """What is saved where nothing is lost, and where it is not worth it."""
    best = {}
    for task, rule, ratios in saved:
        lowest = min(map(float, ratios.split(", ")))
        best[task] = min(best.get(task, (lowest, rule)), (lowest, rule))
    said = [
        f"{100 * (1 - ratio):.0f} % on {task} ({rule})"
        if ratio < 1
        else f"nothing on {task}"
        for task, (ratio, rule) in best.items()
    ]
    enough = any(ratio <= 0.7 for ratio, _ in best.values())
    return (
        " Of the time, with no fewer right answers and at the better batch, "
        f"stopping early saves {', '.join(said) or 'nothing'}"
        f"{'' if enough else ': nowhere the 30 % that were hoped for'}."
    )


def _ratios(rows, variant):
    """From the smallest batch to the largest."""
    found = sorted(
        (int(r.batch), r.value)
        for r in rows
        if (r.what, r.variant) == ("exported, pair by pair", variant)
    )
    return ", ".join(f"{float(ratio):.2f}" for _, ratio in found) or "–"


def _last(rows, what, variant):
    """At the largest batch, of which more examples were scored."""
    found = [r for r in rows if (r.what, r.variant) == (what, variant)]
    return float(max(found, key=lambda r: int(r.batch)).value)
