"""Published entries of the zoo, made from finished runs.

The published weights are those of the first seed that finished, not of the best seed.
"""

import os
import re
import shutil
import urllib.parse
from pathlib import Path
from typing import Any

from keras_recur import zoo
from keras_recur._archives import load_weights
from keras_recur._files import check_path, read_text, replace_between, write_text
from keras_recur._plot_style import label
from keras_recur.reports.example_plots import draw_thinking
from keras_recur.reports.page import Page, escaped, markdown_table
from keras_recur.reports.run_plots import draw_all
from keras_recur.reports.run_report import (
    accuracy_table,
    add_findings,
    draw_pictures,
    headline,
    parameters_of,
    what_was_trained,
)
from keras_recur.runs.entry import Entry
from keras_recur.runs.run_folder import WAIT, RunFolder
from keras_recur.runs.summary import is_finished, size_label
from keras_recur.zoo.entries import entry_folders, read_entry

LARGEST_WEIGHTS = 5_000_000  # Bytes of each published file.

_BEGIN, _END = "<!-- zoo table: keras-recur card -->", "<!-- end of zoo table -->"
_EXPERIMENTS = "<!-- experiments: keras-recur card -->", "<!-- end of experiments -->"


def write_card(
    run: str | Path, to: str | Path = "zoo", suffix: str | None = None
) -> Path:
    """Write the published entry of a finished run, and return its folder.

    Args:
        run: Folder of a run with both twins finished, or of an experiment.
        to: Folder of the published zoo. Defaults to `"zoo"`.
        suffix: Letters, digits, `_` and `-` that distinguish this entry from another of
            the same family and data set. Defaults to `None`.

    Raises:
        ValueError: If a seed that was begun is not finished, if a seed of a twin or a
            whole network of an experiment is missing, if the folder is damaged, or if
            the suffix is invalid.
    """
    if suffix is not None and not re.fullmatch(r"[A-Za-z0-9_-]+", suffix):
        raise ValueError(
            "`suffix` must contain only letters, digits, '_' and '-', as it becomes "
            f"part of a folder name. Received: suffix={suffix!r}."
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
        for twin in twins
        for seed in _needed(folder, asked["seeds"], twin, experiment)
        if not folder.finished(seed, twin)
    ]
    if missing:
        raise ValueError(
            f"{folder.path} is not finished: {', '.join(missing)} missing. Resume it "
            "with the command that started it and --resume."
        )
    results = folder.read_json("results.json")
    if experiment:
        return _copy_experiment(folder, results, to / "experiments", suffix)
    results["name"] = _folder_name(folder, [results.get("name"), suffix])
    with folder.held(WAIT):
        pictures = draw_pictures(folder, results)
    place = to / results["name"]
    (place / "plots").mkdir(parents=True, exist_ok=True)
    for name, _ in pictures:
        shutil.copyfile(folder.path / "plots" / name, place / "plots" / name)
    results["weights"] = _copy_weights(folder, results, place)
    RunFolder(place).write_json("results.json", results)
    write_text(place / "README.md", _card(results, pictures, place / "plots"))
    return place


def _needed(folder, seeds, network, experiment):
    """Return the seeds of a network without which there is no card.

    Networks of an experiment may have different numbers of seeds, which its page says.
    """
    if not experiment:
        return seeds
    begun = [seed for seed in seeds if folder.twin(seed, network).exists()]
    return begun or seeds[:1]


def _folder_name(folder, parts):
    """Return a folder name that stays inside the zoo."""
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
    """Copy card, plots and results of an experiment."""
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
    """Return the text of a card; directives and other HTML than details are refused."""
    text = read_text(card)
    allowed = r"^(</?details>|<summary>[\w ]+</summary>)$"
    outside = re.sub(allowed, "", text, flags=re.MULTILINE)
    outside = re.sub(
        r"^(`{3,})\w*\n.*?^\1`*$", "", outside, flags=re.DOTALL | re.MULTILINE
    )
    if re.search(r"<[A-Za-z/!?]|^\s*(`{3,}|~{3,}|:{3,})", outside, re.MULTILINE):
        raise ValueError(
            f"{card} is damaged: it holds HTML or directives, which no experiment "
            "writes. Run the experiment with --resume to write it again."
        )
    return text


def _copy_weights(folder, results, place):
    """Copy the weights of one seed and return their record for `zoo.load`."""
    both = [
        {r["seed"] for r in results["runs"] if r["twin"] == twin and is_finished(r)}
        for twin in ("recurrent", "feedforward")
    ]
    seeds = sorted(both[0] & both[1])
    kept: dict[str, Any] = {"seed": seeds[0] if seeds else None, "files": {}}
    for twin in ("recurrent", "feedforward") if seeds else ():
        source = folder.weights(seeds[0], twin)
        if source.stat().st_size <= LARGEST_WEIGHTS:
            name = f"{twin}.weights.h5"
            shutil.copyfile(source, place / name)
            kept["files"][twin] = name
    return kept


def refresh_card(folder: str | Path) -> Path:
    """Write card and plots of a published entry again from its own files."""
    place = check_path("folder", folder)
    results = read_entry(place)
    plots = place / "plots"
    pictures = draw_all(results, plots)
    file = results.get("weights", {}).get("files", {}).get("recurrent")
    if file and (place / file).exists():
        entry = Entry.from_dict(results["entry"])
        model = entry.pair(results["weights"]["seed"]).recurrent
        load_weights(model, place / file)
        pictures += draw_thinking(entry, model, plots)
    kept = {name for name, _ in pictures}
    for path in plots.iterdir():
        if path.name not in kept:
            path.unlink()
    write_text(place / "README.md", _card(results, pictures, plots))
    return place


def _card(results, pictures, plots):
    family = zoo.describe(results["entry"]["family"])
    weights = results["weights"]
    page = Page(results["name"])
    page.headline(what_was_trained(results))
    page.headline(headline(results))
    if weights["files"]:
        load = f'pair = keras_recur.zoo.load("{results["name"]}")'
        page.verbatim(f"import keras_recur\n\n{load}", "python")
        page.paragraph(
            f"This loads the weights of seed {weights['seed']}, the first seed that "
            "finished."
        )
    else:
        page.paragraph("The weights are too large to be published here.")
    page.paragraph(
        f"{family.summary} {family.paper}. Shared over iterations: {family.shares}."
    )
    add_findings(page, results, plots, pictures)
    return page.markdown()


def write_table(published: str | Path, results: str | Path) -> None:
    """Write all entries and experiments between markers of a Markdown file."""
    page, published = check_path("results", results), check_path("published", published)
    text = read_text(page)
    link = Path(os.path.relpath(published, page.parent)).as_posix()
    text = replace_between(text, _BEGIN, _END, zoo_table(published, link))
    if all(mark in text for mark in _EXPERIMENTS):
        text = replace_between(text, *_EXPERIMENTS, experiments_list(published, link))
    write_text(page, text)


def experiments_list(published: str | Path, link: str = "zoo") -> str:
    """Return a Markdown list of experiments; links begin with `link`."""
    lines = []
    for card in sorted(Path(published).glob("experiments/*/README.md")):
        title, found, *_ = read_text(card).split("\n\n")
        place = f"{link}/experiments/{card.parent.name}"
        lines.append(f"- [{title.removeprefix('# ')}]({place}): {found}")
    return "\n".join(lines)


def zoo_table(published: str | Path, link: str = "zoo") -> str:
    """Return a Markdown table with a row per network; links begin with `link`."""
    rows = []
    for folder in sorted(entry_folders(published)):
        results = read_entry(folder)
        sizes = results["entry"]["test_sizes"]
        name = str(results["name"])
        cell = f"[{escaped(name)}]({link}/{urllib.parse.quote(name)})"
        _, scores = accuracy_table(results)
        for network, score in zip(results["summary"], scores, strict=True):
            trained, largest = score[1], score[-2] if len(sizes) > 1 else ""
            if sizes[0]:
                trained = f"{size_label(sizes[0])}: {trained}"
                largest = largest and f"{size_label(sizes[-1])}: {largest}"
            count = f"{parameters_of(results, network):,.0f}"
            cells = map(escaped, (label(network), count, trained, largest, score[-1]))
            rows.append([cell, *cells])
            cell = ""
    header = ["entry", "network", "parameters", "trained size", "largest size"]
    return markdown_table([*header, "failed seeds"], rows)
