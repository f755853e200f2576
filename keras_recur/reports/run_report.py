"""Reports of runs as single HTML files."""

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
from keras_recur.reports.run_plots import draw_all, task
from keras_recur.reports.settling import settling_sentences
from keras_recur.runs._shapes import RESULTS
from keras_recur.runs.run_folder import WAIT, RunFolder
from keras_recur.runs.summary import (
    SOLVED,
    guess,
    is_finished,
    percent,
    size_label,
    span,
)


def write_report(run: RunFolder) -> Path:
    """Draw the plots of a run and write them with all tables to `report.html`.

    Args:
        run: Folder with `results.json`.

    Returns:
        The path of the report.

    Raises:
        ValueError: If the folder has no results, or its results are damaged.

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
    with run.held(WAIT):
        return _write_report(run, results)


def _write_report(run, results):
    pictures = draw_pictures(run, results)
    page = Page(results["name"])
    page.headline(what_was_trained(results))
    page.headline(headline(results))
    page.paragraph(_introduction(results))
    add_findings(page, results, run.path / "plots", pictures)
    path = run.path / "report.html"
    write_text(path, page.html())
    return path


def add_findings(
    page: Page,
    results: dict[str, Any],
    plots: Path,
    pictures: list[tuple[str, str]],
) -> None:
    """Add scores, figures, costs and provenance to a page."""
    page.heading("Scores")
    page.table(*accuracy_table(results))
    page.paragraph(footnote(results), small=True)
    settling = settling_sentences(results)
    if settling:
        page.paragraph(settling)
    for name, caption in pictures:
        page.picture(plots / name, caption)
    page.heading("Costs")
    page.table(*networks_table(results))
    page.table(*costs_table(results))
    page.details("How it was trained", ["", ""], provenance_rows(results))


def draw_pictures(run: RunFolder, results: dict[str, Any]) -> list[tuple[str, str]]:
    """Draw all plots into `plots/`, and return `(file name, caption)` pairs."""
    folder = run.path / "plots"
    pictures = draw_all(results, folder)
    entry = run.entry()
    finished = [
        r for r in results["runs"] if r["twin"] == "recurrent" and is_finished(r)
    ]
    if finished:
        seed = finished[0]["seed"]
        model = entry.pair(seed).recurrent
        load_weights(model, run.weights(seed, "recurrent"))
        pictures += draw_thinking(entry, model, folder)
    return pictures


def headline(results: dict[str, Any]) -> str:
    """Return the scores and costs of both twins in a few sentences."""
    summary, costs = results["summary"], results["costs"]
    every = summary.values()
    if not {"recurrent", "feedforward"} <= set(summary):
        twin = next(iter(summary))
        return f"The {label(twin)} alone was trained.{_diverged(summary)}"
    if any(s.get("diverged_seeds") == s["seeds"] or not s["sizes"] for s in every):
        return "No seed of at least one of the networks finished its training."

    def at(twin, i):
        found = summary[twin]["sizes"][i]
        return percent(found["mean"], found["standard_error"])

    sizes = summary["recurrent"]["sizes"]
    trained = f" on {size_label(sizes[0]['size'])}" if len(sizes) > 1 else ""
    ratio = costs["ratios"]["parameters"]
    more = f" ({ratio:.1f} times as many)" if ratio > 1.05 else ""
    text = (
        f"The recurrent network reaches {at('recurrent', 0)}{trained} with "
        f"{costs['recurrent']['parameters']:,} parameters. Its feed-forward twin "
        f"reaches {at('feedforward', 0)} with {costs['feedforward']['parameters']:,} "
        f"parameters{more} and {_operations(costs)}."
    )
    for i, size in enumerate(sizes[1:3], start=1):
        text += (
            f" On {size_label(size['size'])}, the recurrent network reaches "
            f"{at('recurrent', i)} and the twin {at('feedforward', i)}."
        )
    for name, found in summary.items():
        if "parameters" in found:
            network = name.removesuffix(", folded")
            text += (
                f" The {label(network)} network, folded to {found['parameters']:,.0f} "
                f"parameters, reaches {at(name, 0)}"
            )
            alone = f"{network}, recalibrated"
            if alone in summary:
                text += f"; recalibrated but not folded, it reaches {at(alone, 0)}"
            text += "."
    return text + _diverged(summary)


def _operations(costs):
    ratio = costs["ratios"].get("macs") or 1.0
    if abs(ratio - 1) < 0.01:
        return "the same number of operations"
    return f"{ratio:.2f} times the operations"


def _diverged(summary):
    lost = [
        f"{found['diverged_seeds']} of {found['seeds']} seeds of the {label(name)} "
        "network diverged"
        for name, found in summary.items()
        if found.get("diverged_seeds") and "," not in name
    ]
    return f" {'; '.join(lost)} and count as guessing." if lost else ""


def what_was_trained(results: dict[str, Any]) -> str:
    """Return a sentence about family, data and seeds."""
    twins = [label(name) for name in results["summary"] if "," not in name]
    seeds = len({r["seed"] for r in results["runs"]})
    count = f"{seeds} seeds (mean ± standard error)" if seeds > 1 else "one seed"
    return (
        f"{results['entry']['family']} trained on {task(results['entry'])}: "
        f"{', '.join(twins)}; {count}."
    )


def footnote(results: dict[str, Any]) -> str:
    """Return an explanation of the table of scores."""
    spec = data_room.describe(results["entry"]["data"])
    text = {
        "exact_match": (
            "Accuracy: percentage of examples with the right answer at every position."
        ),
        "accuracy": "Accuracy: percentage of examples with the right label.",
        "f1": "F1 of the marked positions, over all positions of all examples.",
    }[spec.metric]
    if spec.procedural:
        text += (
            " The number of iterations is the one that scored best on validation "
            "examples of the same size."
        )
    text += " A seed failed if its loss became NaN or infinite"
    if spec.metric == "exact_match":
        text += f", or if it reached less than {100 * SOLVED:.0f} % on the trained size"
    text += (
        ". Failed seeds are part of the means; a seed whose loss became NaN or "
        f"infinite counts as guessing ({100 * guess(spec.name):.3g} %)."
    )
    folds = [r["folded"] for r in results["runs"] if "folded" in r]
    if not folds:
        return text
    text += (
        " Folded: layers whose kernels have a cosine similarity of "
        f"{folds[0]['threshold']} or more were merged, keeping a scale each."
    )
    if any(name.endswith(", recalibrated") for name in results["summary"]):
        return text + (
            " Recalibrated: batch normalization statistics were estimated again on "
            "training examples, which helps by itself; it was done for the folded "
            "networks too."
        )
    if any(folded.get("recalibrated", True) for folded in folds):
        return text + (
            " Their batch normalization statistics were estimated again, which helps "
            "by itself and was not done for the other networks."
        )
    return text


def accuracy_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a row per network and a column per size."""
    rows = []
    sizes = results["entry"]["test_sizes"]
    for name, summary in results["summary"].items():
        scores = ["-"] * len(sizes)
        if summary["sizes"]:
            scores = [
                f"{percent(found['mean'], found['standard_error'])} "
                f"({_iterations(found['iterations'])})"
                for found in summary["sizes"]
            ]
        failed = f"{summary['failed_seeds']} of {summary['seeds']}"
        rows.append([label(name), *scores, failed])
    return ["network", *map(size_label, sizes), "failed seeds"], rows


def _iterations(numbers):
    text = span(numbers)
    return "1 iteration" if text == "1" else f"{text} iterations"


def networks_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows with parameters and time of every network."""
    rows = []
    for name, summary in results["summary"].items():
        count = parameters_of(results, name)
        rows.append([label(name), f"{count:,.0f}", f"{summary['seconds']:.0f}"])
    return ["network", "parameters", "seconds per seed"], rows


def parameters_of(results: dict[str, Any], network: str) -> float:
    """Return the parameters of a network; variants equal the recurrent twin."""
    costs, twin = results["costs"], network.partition(",")[0]
    count = costs.get(twin, costs["recurrent"])["parameters"]
    return results["summary"][network].get("parameters", count)


def costs_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, with a row per cost for both twins and their ratio."""
    costs = results["costs"]
    rows = [
        [
            name.replace("_", " ").replace("macs", "MACs"),
            f"{costs['recurrent'][name]:,}",
            f"{costs['feedforward'][name]:,}",
            "-" if ratio is None else f"{ratio:.2f}",
        ]
        for name, ratio in costs["ratios"].items()
    ]
    return ["per example", "recurrent", "feed-forward twin", "ratio"], rows


def provenance_rows(results: dict[str, Any]) -> list[list[str]]:
    """Return rows with model, data, recipes, versions and date."""
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
        rows.append(
            [label(name), f"like the recurrent network, with {_fields(changes)}"]
        )
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
        how = "uses kernels mixed from shared templates"
    return (
        f"{family.summary} ({family.paper}) In every iteration the recurrent network "
        f"{how}: {family.shares}. Its feed-forward twin is the same network with "
        f"separate weights for every iteration. Task: {spec.summary}"
    )
