"""One HTML file that shows a run to somebody who was not there."""

from pathlib import Path
from typing import Any

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._archives import load_weights
from keras_recur._files import write_text
from keras_recur._plot_style import label
from keras_recur._validation import check_type
from keras_recur.reports.example_plots import draw_thinking
from keras_recur.reports.page import Page
from keras_recur.reports.run_plots import draw_all
from keras_recur.runs._shapes import RESULTS
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.summary import (
    SOLVED,
    guess,
    is_finished,
    percent,
    size_label,
    span,
)


def write_report(run: RunFolder) -> Path:
    """Draws the plots of a run and writes `report.html`, with all of them inside.

    Args:
        run: A folder with `results.json`.

    Returns:
        The path of the report.

    Raises:
        ValueError: if the folder holds no results, or damaged ones.

    Example:

    >>> entry = keras_recur.runs.make_entry(
    ...     "mlp", "digits", quick=True, num_examples=96,
    ...     model={"width": 8, "iterations": 2}, recipe={"epochs": 1, "milestones": ()},
    ... )
    >>> results = keras_recur.runs.compare(entry, "runs/digits", [0], ["recurrent"])
    >>> run = keras_recur.runs.RunFolder("runs/digits")
    >>> keras_recur.reports.write_report(run).name
    'report.html'
    """
    check_type("run", run, RunFolder, "a `runs.RunFolder`")
    results = run.read_json("results.json", RESULTS)
    with run.held():
        return _write_report(run, results)


def _write_report(run, results):
    pictures = draw_pictures(run, results)
    page = Page(results["name"])
    page.headline(headline(results))
    page.paragraph(_introduction(results))
    page.heading("Scores")
    page.table(*accuracy_table(results))
    page.paragraph(footnote(results), small=True)
    for name, caption in pictures:
        page.picture(run.path / "plots" / name, caption)
    page.heading("Costs")
    page.table(*costs_table(results))
    page.heading("How it was made")
    page.table(["", ""], provenance_rows(results))
    path = run.path / "report.html"
    write_text(path, page.html())
    return path


def draw_pictures(run: RunFolder, results: dict[str, Any]) -> list[tuple[str, str]]:
    """Draws everything into `plots/`; returns `(file name, caption)` of each."""
    folder = run.path / "plots"
    pictures = draw_all(results, folder)
    entry = run.entry()
    finished = [
        r for r in results["runs"] if r["twin"] == "recurrent" and is_finished(r)
    ]
    if finished:
        seed = finished[0]["seed"]
        model = entry.pair(seed).recurrent
        load_weights(model, run.twin(seed, "recurrent") / "model.weights.h5")
        pictures += draw_thinking(entry, model, folder)
    return pictures


def headline(results: dict[str, Any]) -> str:
    """The result in one or two sentences."""
    summary, costs = results["summary"], results["costs"]
    every = summary.values()
    if not {"recurrent", "feedforward"} <= set(summary):
        twin = next(iter(summary))
        return f"The {label(twin)} alone was trained.{_lost(summary)}"
    if any(s.get("diverged_seeds") == s["seeds"] or not s["sizes"] for s in every):
        return "No seed of at least one of the networks finished its training."
    ratio = costs["ratios"]["parameters"]

    def at(twin, i):
        found = summary[twin]["sizes"][i]
        return percent(found["mean"], found["standard_error"])

    fewer = f" ({ratio:.1f} times fewer)" if ratio > 1.05 else ""
    text = (
        f"With {costs['recurrent']['parameters']:,} parameters instead of "
        f"{costs['feedforward']['parameters']:,}{fewer} and the "
        f"same number of operations, the recurrent network reaches {at('recurrent', 0)}"
        f" where its feed-forward twin reaches {at('feedforward', 0)}."
    )
    sizes = summary["recurrent"]["sizes"]
    if len(sizes) > 2:
        trained, larger, largest = (size_label(s["size"]) for s in sizes[:3])
        text += (
            f" On inputs of {larger}, when both were trained on {trained}, "
            f"it reaches {at('recurrent', 1)} and the twin {at('feedforward', 1)}; of "
            f"{largest}, {at('recurrent', 2)} and {at('feedforward', 2)}."
        )
    for name, found in summary.items():
        if "parameters" in found:
            network = name.removesuffix(", folded")
            text += (
                f" Folded, the {label(network)} network keeps "
                f"{found['parameters']:,.0f} parameters and reaches {at(name, 0)}"
            )
            alone = f"{network}, recalibrated"
            if alone in summary:
                text += f"; recalibrated and not folded, {at(alone, 0)}"
            text += "."
    return text + _lost(summary)


def _lost(summary):
    """How many seeds diverged, where some did."""
    lost = [
        f"{found['diverged_seeds']} of {found['seeds']} seeds of the {label(name)} "
        "network diverged"
        for name, found in summary.items()
        if found.get("diverged_seeds") and "," not in name
    ]
    return f" {'; '.join(lost)}, and count as guessing." if lost else ""


def footnote(results: dict[str, Any]) -> str:
    """What the table's figures are."""
    spec = data_room.describe(results["entry"]["data"])
    what = {
        "exact_match": "An example counts as right if every position is.",
        "accuracy": "Share of examples with the right label.",
        "f1": "F1 of the marked positions, over all positions of all examples.",
    }[spec.metric]
    failed = "if its loss became NaN or infinite"
    if spec.metric == "exact_match":
        failed += (
            f", or if it reached less than {100 * SOLVED:.0f} % on the size that it "
            "was trained on"
        )
    text = (
        f"{what} Mean and standard error over seeds. On made tasks the number of "
        "iterations is the one that did best on validation examples of the same size. "
        f"A seed failed {failed}; failed seeds are part of the means. A seed whose "
        f"loss became NaN or infinite counts as guessing ({100 * guess(spec.name):.3g} "
        "%)."
    )
    folds = [r["folded"] for r in results["runs"] if "folded" in r]
    if folds:
        text += (
            " Folded: layers whose kernels have a cosine of "
            f"{folds[0]['threshold']} or more were made one, keeping a scale each"
        )
        if any(name.endswith(", recalibrated") for name in results["summary"]):
            text += (
                ". Recalibrated: statistics of normalization were estimated anew on "
                "training examples, which helps by itself. It was done for the folded "
                "networks too: compare them with these columns."
            )
        elif any(folded.get("recalibrated", True) for folded in folds):
            text += (
                ", and normalization was recalibrated, which helps by itself and was "
                "not done for the other columns."
            )
        else:
            text += "."
    return text


def accuracy_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row per size, a column per network."""
    summaries = results["summary"]
    rows = []
    for i, size in enumerate(results["entry"]["test_sizes"]):
        row = [size_label(size)]
        for summary in summaries.values():
            if not summary["sizes"]:
                row.append("-")
                continue
            found = summary["sizes"][i]
            score = percent(found["mean"], found["standard_error"])
            row.append(f"{score} ({span(found['iterations'])} iterations)")
        rows.append(row)
    every = summaries.values()
    if any("parameters" in s for s in every):
        costs = results["costs"]
        rows.append(["parameters", *[f"{n:,.0f}" for n in _counts(summaries, costs)]])
    failed = [f"{s['failed_seeds']} of {s['seeds']}" for s in every]
    rows.append(["failed seeds", *failed])
    rows.append(["seconds per seed", *[f"{s['seconds']:.0f}" for s in every]])
    return ["", *map(label, summaries)], rows


def _counts(summaries, costs):
    """Parameters of every network; variants have as many as the recurrent one."""
    for name, found in summaries.items():
        twin = name.partition(",")[0]
        kept = costs.get(twin, costs["recurrent"])["parameters"]
        yield found.get("parameters", kept)


def costs_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row per cost, both twins and their ratio."""
    costs = results["costs"]
    rows = []
    for name, ratio in costs["ratios"].items():
        rows.append(
            [
                name.replace("_", " "),
                f"{costs['recurrent'][name]:,}",
                f"{costs['feedforward'][name]:,}",
                "-" if ratio is None else f"{ratio:.2f}",
            ]
        )
    return ["", "recurrent", "feed-forward", "ratio"], rows


def provenance_rows(results: dict[str, Any]) -> list[list[str]]:
    """What was trained, on what, by what."""
    entry = results["entry"]
    source = results["runs"][0]["provenance"] if results["runs"] else {}
    rows = [["model", _fields(entry["model"])]]
    size = f", size {entry['size']}" if entry["size"] else ""
    count = entry["num_examples"]
    count = f", {count:,} training examples" if count else ""
    phases = entry.get("phases")
    if phases:
        count += f" in each phase, with windows {', '.join(map(str, phases))}"
    rows.append(["data", f"{entry['data']}{size}{count}"])
    for name, changes in entry.get("variants", {}).items():
        rows.append([label(name), f"as the recurrent, with {_fields(changes)}"])
    for twin, recipe in entry["recipes"].items():
        rows.append([f"recipe, {label(twin)}", _fields(recipe)])
    seeds = sorted({r["seed"] for r in results["runs"]})
    rows.append(["seeds", ", ".join(map(str, seeds))])
    rows.append(["test examples per size", f"{entry['test_examples'] or 'all'}"])
    return rows + [[k, str(v)] for k, v in source.items()]


def _fields(fields):
    return ", ".join(f"{k}={v!r}" for k, v in fields.items() if v not in (None, ()))


def _introduction(results):
    family = zoo.describe(results["entry"]["family"])
    spec = data_room.describe(results["entry"]["data"])
    how = "applies the same weights again"
    if "templates" in {**family.defaults, **results["entry"]["model"]}:
        how = "has a mix of shared templates as kernels"
    text = (
        f"{family.summary} ({family.paper}) At every iteration the recurrent network "
        f"{how}: {family.shares}. Its feed-forward twin is the same network with "
        f"weights of its own for every iteration. Task: {spec.summary}"
    )
    return text
