"""From a finished run to an entry of the published zoo: card, results, plots, weights.

The folder of an entry holds README.md (the card), results.json, plots/ and the weights
of one seed, the first that finished (not the best), where they are under 5 MB.
"""

import re
import shutil
import urllib.parse
from pathlib import Path
from typing import Any

from keras_recur import zoo
from keras_recur._files import check_path, read_text, replace_between, write_text
from keras_recur._plot_style import label
from keras_recur.reports.page import Page, escaped, markdown_table
from keras_recur.reports.run_report import (
    accuracy_table,
    costs_table,
    draw_pictures,
    footnote,
    headline,
    provenance_rows,
)
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.summary import is_finished
from keras_recur.zoo.entries import entry_folders, read_entry

LARGEST_WEIGHTS = 5_000_000  # bytes

_BEGIN, _END = "<!-- zoo table: keras-recur card -->", "<!-- end of zoo table -->"
_EXPERIMENTS = "<!-- experiments: keras-recur card -->", "<!-- end of experiments -->"


def write_card(
    run: str | Path, to: str | Path = "zoo", suffix: str | None = None
) -> Path:
    """Writes a run's entry of the published zoo.

    Args:
        run: Folder of a run with both twins finished, or of an experiment.
        to: Folder of the published zoo. Default: `zoo`.
        suffix: Added to the entry's name, for a second entry of a family on a data
            set: letters, digits, `_` and `-`. Default: none.

    Returns:
        The entry's folder, `<to>/<family>-<data>` or `<to>/<family>-<data>-<suffix>`;
        of experiments, in `<to>/experiments`.

    Raises:
        ValueError: if the run is not finished, or is damaged, or for another suffix.
    """
    if suffix is not None and not re.fullmatch(r"[A-Za-z0-9_-]+", suffix):
        raise ValueError(
            "`suffix` must be letters, digits, '_' and '-': it becomes part of a "
            f"folder's name. Received: suffix={suffix!r}."
        )
    to = check_path("to", to)
    folder = RunFolder(check_path("run", run))
    asked = folder.read_json("run.json")
    experiment = folder.of_experiment()
    twins = asked["twins"]
    if not experiment:
        twins = dict.fromkeys(("recurrent", "feedforward", *twins))
    missing = [
        f"seed {seed} of the {label(twin)}"
        for seed in asked["seeds"]
        for twin in twins
        if not folder.finished(seed, twin)
    ]
    if missing:
        raise ValueError(
            f"{folder.path} is not finished: {', '.join(missing)} missing. Go on with "
            "the command it was begun with and --resume."
        )
    results = folder.read_json("results.json")
    if experiment:
        return _copy_experiment(folder, results, to / "experiments", suffix)
    results["name"] = _folder_name(folder, [results.get("name"), suffix])
    with folder.held():
        pictures = draw_pictures(folder, results)
    place = to / results["name"]
    (place / "plots").mkdir(parents=True, exist_ok=True)
    for name, _ in pictures:
        shutil.copyfile(folder.path / "plots" / name, place / "plots" / name)
    results["weights"] = _copy_weights(folder, results, place)
    RunFolder(place).write_json("results.json", results)
    write_text(place / "README.md", _card(results, pictures, place / "plots"))
    return place


def _folder_name(folder, parts):
    """The name of an entry's folder, which stays in the zoo whatever a file says."""
    parts = [part for part in parts if part is not None]
    usable = all(
        isinstance(part, str) and re.fullmatch(r"\w[\w+ -]*(\.[\w+ -]+)*", part)
        for part in parts
    )
    if usable and parts:
        return "-".join(parts)
    raise ValueError(
        f"{folder.path / 'results.json'} is damaged: the name of an entry must be "
        "letters, digits, '_', '-', '+' and single dots, as it becomes a folder. "
        f"Received: {'-'.join(map(str, parts))!r}."
    )


def _copy_experiment(folder, results, to, suffix):
    """An experiment has written its card itself, in the form it has here."""
    found = (results["settings"].get(key) for key in ("family", "data"))
    place = to / _folder_name(folder, [results.get("experiment"), *found, suffix])
    text = _checked(folder.path / "README.md")
    (place / "plots").mkdir(parents=True, exist_ok=True)
    for path in folder.path.glob("plots/*.png"):
        shutil.copyfile(path, place / path.relative_to(folder.path))
    write_text(place / "README.md", text)
    RunFolder(place).write_json("results.json", results)
    return place


def _checked(card):
    """The text of an experiment's card, which holds no HTML and no directive."""
    text = read_text(card)
    outside = re.sub(
        r"^(`{3,})\w*\n.*?^\1`*$", "", text, flags=re.DOTALL | re.MULTILINE
    )
    if re.search(r"<[A-Za-z/!?]|^\s*(`{3,}|~{3,}|:{3,})", outside, re.MULTILINE):
        raise ValueError(
            f"{card} is damaged: it holds HTML or directives, which no experiment "
            "writes. Run the experiment again with --resume, which writes it anew."
        )
    return text


def _copy_weights(folder, results, place):
    """Copies one seed's weights; returns what they are, for `zoo.load`."""
    both = [
        {r["seed"] for r in results["runs"] if r["twin"] == twin and is_finished(r)}
        for twin in ("recurrent", "feedforward")
    ]
    seeds = sorted(both[0] & both[1])
    kept: dict[str, Any] = {"seed": seeds[0] if seeds else None, "files": {}}
    for twin in ("recurrent", "feedforward") if seeds else ():
        source = folder.twin(seeds[0], twin) / "model.weights.h5"
        if source.stat().st_size <= LARGEST_WEIGHTS:
            name = f"{twin}.weights.h5"
            shutil.copyfile(source, place / name)
            kept["files"][twin] = name
    return kept


def _card(results, pictures, plots):
    family = zoo.describe(results["entry"]["family"])
    weights = results["weights"]
    load = f'pair = keras_recur.zoo.load("{results["name"]}")'
    if weights["files"]:
        kept = (
            f"The weights here are those of seed {weights['seed']}, the first that "
            "finished:"
        )
    else:
        kept = "Its weights are too large to be kept here."
    page = Page(results["name"])
    page.headline(headline(results))
    page.paragraph(
        f"{family.summary} {family.paper}. Shared over iterations: {family.shares}."
    )
    page.paragraph(kept)
    if weights["files"]:
        page.verbatim(f"import keras_recur\n\n{load}", "python")
    page.heading("Scores")
    page.table(*accuracy_table(results))
    page.paragraph(footnote(results))
    for name, caption in pictures:
        page.picture(plots / name, caption)
    page.heading("Costs")
    page.table(*costs_table(results))
    page.heading("How it was trained")
    page.table(["", ""], provenance_rows(results))
    return page.markdown()


def write_table(published: str | Path, readme: str | Path) -> None:
    """Writes the table of all entries between two marks in a Markdown file.

    Where the file has marks for them, the headlines of experiments too.

    Args:
        published: Folder of the published zoo.
        readme: File with the lines that mark the table's begin and end.

    Raises:
        ValueError: if the file has no such lines.
    """
    readme, published = check_path("readme", readme), check_path("published", published)
    text = read_text(readme)
    if _BEGIN not in text or _END not in text:
        raise ValueError(
            f"{readme} has no place for the table. Add the lines {_BEGIN!r} and "
            f"{_END!r}."
        )
    text = replace_between(text, _BEGIN, _END, zoo_table(published))
    if all(mark in text for mark in _EXPERIMENTS):
        text = replace_between(text, *_EXPERIMENTS, experiments_list(published))
    write_text(readme, text)


def experiments_list(published: str | Path) -> str:
    """A Markdown list of published experiments: the headline of each card."""
    lines = []
    for card in sorted(Path(published).glob("experiments/*/README.md")):
        title, found, *_ = read_text(card).split("\n\n")
        link = f"{Path(published).name}/experiments/{card.parent.name}"
        lines.append(f"- [{title.removeprefix('# ')}]({link}): {found}")
    return "\n".join(lines)


def zoo_table(published: str | Path) -> str:
    """A Markdown table with a row per published entry, made from their results."""
    rows = []
    for folder in sorted(entry_folders(published)):
        results = read_entry(folder)
        header, scores = accuracy_table(results)
        by_label = {row[0]: row[1:] for row in scores}
        summary = results["summary"]
        for i, twin in enumerate(summary):
            costs = results["costs"]
            network = twin.partition(",")[0]
            parameters = costs.get(network, costs["recurrent"])["parameters"]
            parameters = round(summary[twin].get("parameters", parameters))
            scored = [
                escaped(f"{label.removeprefix('size ')}: {row[i]}")
                for label, row in by_label.items()
                if label.startswith(("size", "test"))
            ]
            file = urllib.parse.quote(str(results["name"]))
            name = f"[{escaped(str(results['name']))}]({Path(published).name}/{file})"
            rows.append(
                [
                    name if i == 0 else "",
                    escaped(label(twin)),
                    f"{parameters:,}",
                    "<br>".join(scored),
                    by_label["failed seeds"][i],
                ]
            )
    return markdown_table(
        ["entry", "twin", "parameters", "test accuracy by size", "failed seeds"], rows
    )
