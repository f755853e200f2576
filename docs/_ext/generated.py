"""Generate pages: families, experiments, the reference, and the command line."""

import re
from pathlib import Path

import card_pages
import cli_pages
import family_pages
import reference_pages

from keras_recur.zoo.entries import read_entry


def write(app):
    docs = Path(app.srcdir)
    family_pages.write(docs / "families", docs.parent)
    card_pages.write(docs / "experiments", docs.parent)
    reference_pages.write(docs / "reference")
    cli_pages.write(docs / "_generated" / "cli.md")


def link_pages(app, name, source):
    """Turn links to folders of the repository into links to pages of the site."""
    root = Path(app.srcdir).parent

    def page(match):
        folder = root / "zoo" / match[1]
        if folder.parent.name == "experiments":
            return f"](experiments/{folder.name}.md)"
        family = read_entry(folder)["entry"]["family"]
        return f"](families/{family}.md)"

    if name == "results":
        source[0] = re.sub(r"\]\(\.\./zoo/([\w./+-]+)\)", page, source[0])


def setup(app):
    app.connect("source-read", link_pages)
    app.connect("builder-inited", write)  # Before Sphinx looks for pages.
    return {"parallel_read_safe": True}
