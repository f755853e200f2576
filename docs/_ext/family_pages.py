"""Write a page for every family of the zoo, from its description and its entries.

Every number is marked as reported (it follows from a paper or its released code),
counted here, or measured here, with the name of its file.
"""

import dataclasses
import io
import re
import shutil
import sys
from pathlib import Path

from card_pages import cards_of
from pages import keep_only, put

from keras_recur import zoo
from keras_recur.analysis import plot_pair
from keras_recur.reports.page import markdown_table
from keras_recur.reports.run_report import accuracy_table, footnote, headline
from keras_recur.zoo.entries import entry_folders, read_entry

_COSTS = {
    "parameters": "trainable parameters",
    "per_iteration_parameters": "of these, for single iterations",
    "normalization_statistics": "normalization statistics",
    "macs": "MACs",
    "effective_depth": "effective depth",
    "neurons": "neurons",
    "synapses": "synapses",
    "activation_bytes": "bytes of activations in training",
}


def write(folder: Path, root: Path) -> None:
    """Write the pages of all families, their figures, and a page that lists them.

    Args:
        folder: Folder to write to.
        root: The repository, whose `zoo/` holds the published entries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, files = [], {"index.md"}
    for name in zoo.list_families():
        family = zoo.describe(name)
        pair = zoo.build(name, initializer="zeros", seed=0)
        costs = pair.costs()
        picture = io.BytesIO()
        plot_pair(pair).savefig(picture, format="png", dpi=130)
        put(folder / f"{name}.png", picture.getvalue())
        entries = entries_of(name, root)
        for entry in entries:
            if plot := _plot(entry):
                shutil.copyfile(plot, folder / f"{entry.name}.png")
                files.add(f"{entry.name}.png")
        put(folder / f"{name}.md", page(family, costs, entries, root))
        files |= {f"{name}.md", f"{name}.png"}
        counts = (
            f"{twin.parameters:,}" for twin in (costs.recurrent, costs.feedforward)
        )
        measured = ", ".join(entry.name.removeprefix(f"{name}-") for entry in entries)
        rows.append([f"[{name}]({name}.md)", family.shares, *counts, measured])
    put(folder / "index.md", _index(rows))
    keep_only(folder, files)


def page(family, costs, entries: list[Path], root: Path) -> str:
    """Return the page of a family, in Markdown."""
    name = family.name
    parts = [f"# {name}", family.summary, f"![Both twins of {name}]({name}.png)"]
    parts.append(
        f'*The default pair, `keras_recur.zoo.build("{name}")`. The recurrent twin '
        f"shares {family.shares}.*"
    )
    parts += ["## Source", _linked(f"{family.paper}.")]
    parts.append(_linked(sys.modules[family.network.__module__].__doc__))
    parts += ["## Arguments and their defaults"]
    parts.append(
        "Every family also has the arguments of {py:func}`keras_recur.zoo.build`."
    )
    given = [[f"`{k}`", f"`{v!r}`"] for k, v in family.defaults.items()]
    parts.append(markdown_table(["argument", "default"], given))
    parts += ["## Costs", _costs(costs)]
    if family.example_shape and None in family.defaults["input_shape"]:
        size = "×".join(map(str, family.example_shape))
        parts.append(f"The input may have any size; these counts are for {size}.")
    parts += ["## Reported parameter counts", _published(family)]
    parts += ["## Measured", *(_measured(entry, root) for entry in entries)]
    if not entries:
        parts.append(
            "`zoo/` has no entry of this family. Train one with "
            f"`keras-recur compare {name} --data ...`."
        )
    also = [f"[{card}](../experiments/{card}.md)" for card in cards_of(name, root)]
    if also:
        parts.append(f"Also measured here: {', '.join(also)}.")
    return "\n\n".join(parts) + "\n"


def entries_of(name: str, root: Path) -> list[Path]:
    """Return the folders of a family's published entries."""
    found = sorted(entry_folders(root / "zoo"))
    return [f for f in found if read_entry(f)["entry"]["family"] == name]


def _costs(costs):
    ratios, rows = costs.ratios(), []
    for field in dataclasses.fields(costs.recurrent):
        ours, twins = (
            getattr(c, field.name) for c in (costs.recurrent, costs.feedforward)
        )
        ratio = ratios[field.name]
        shown = "–" if ratio is None else f"{ratio:.2f}"
        words = _COSTS.get(field.name, field.name.replace("_", " "))
        rows.append([words, f"{ours:,}", f"{twins:,}", shown])
    table = markdown_table(["", "recurrent", "feed-forward twin", "ratio"], rows)
    return f"Counted for one example of the default pair.\n\n{table}"


def _published(family):
    if not family.reported:
        return "The papers report none."
    rows = [
        [
            ", ".join(f"`{k}={v!r}`" for k, v in count.arguments.items()) or "defaults",
            f"{count.recurrent:,}",
            f"{count.feedforward:,}",
            "reported",
        ]
        for count in family.reported
    ]
    header = ["network", "recurrent", "feed-forward twin", ""]
    words = (
        "Reported numbers follow from a paper or its released code. "
        "`tests/zoo/test_counts.py` checks them."
    )
    return f"{markdown_table(header, rows)}\n\n{words}"


def _measured(entry, root):
    results = read_entry(entry)
    source = (entry / "results.json").relative_to(root)
    made = results["provenance"]
    parts = [
        f"### {entry.name}",
        headline(results),
        markdown_table(*accuracy_table(results)),
        f"Measured here: `{source}`, {made['backend']} {made['backend_version']}, "
        f"{made['processor']}, {made['date'][:10]}. {footnote(results)}",
    ]
    if _plot(entry):
        parts.append(f"![Scores after every iteration]({entry.name}.png)")
    return "\n\n".join(parts)


def _plot(entry):
    path = entry / "plots" / "iterations.png"
    return path if path.exists() else None


def _linked(text):
    text = re.sub(r"arXiv:(\d+\.\d+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
    return re.sub(r"(?<!/)(github\.com/[\w./-]*\w)", r"[\1](https://\1)", text)


def _index(rows):
    header = ["family", "what is shared", "parameters", "of the twin", "measured on"]
    names = "\n".join(row[0].partition("]")[0][1:] for row in rows)
    return (
        "# Families\n\nEach family is described once and built as a pair of twins. The "
        "parameters are those of the default pair.\n\n"
        f"{markdown_table(header, rows)}\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )
