"""Write a page for every experiment and search: its card, included."""

import json
from pathlib import Path

from pages import keep_only, put

from keras_recur.reports.page import markdown_table


def cards(root: Path) -> dict[str, Path]:
    """Return the folders that have a card, by the name of their page."""
    found = {p.parent.name: p.parent for p in root.glob("zoo/experiments/*/README.md")}
    for path in root.glob("tuning/*/README.md"):
        found[f"search-{path.parent.name}"] = path.parent
    return dict(sorted(found.items()))


def cards_of(family: str, root: Path) -> list[str]:
    """Return the names of the cards of a family."""
    return [
        name
        for name, folder in cards(root).items()
        for file in folder.glob("*.json")
        if json.loads(file.read_text("utf-8"))["settings"].get("family") == family
    ]


def write(folder: Path, root: Path) -> None:
    """Write all pages and the one that lists them."""
    found, rows = cards(root), []
    for name, card in found.items():
        where = card.relative_to(root).as_posix()
        text = (
            f"```{{include}} ../../{where}/README.md\n:relative-images:\n```\n\n"
            f"Measured here: `{where}/`.\n"
        )
        put(folder / f"{name}.md", text)
        title, headline = (card / "README.md").read_text("utf-8").split("\n\n")[:2]
        rows.append([f"[{name}]({name}.md)", title.removeprefix("# "), headline])
    names = "\n".join(f"{name} <{name}>" for name in found)
    table = markdown_table(["", "question", "result"], rows)
    text = (
        "# Experiments and searches\n\nEach experiment answers a question of a paper "
        "with several networks on one data set. Each search compares width with "
        f"iterations. All were run here.\n\n{table}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )
    put(folder / "index.md", text)
    keep_only(folder, {"index.md", *(f"{name}.md" for name in found)})
