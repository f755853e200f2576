"""Writes the pages that are made: of families, of experiments, and the reference."""

from pathlib import Path

import card_pages
import family_pages
import reference_pages


def write(app):
    docs = Path(app.srcdir)
    family_pages.write(docs / "families", docs.parent)
    card_pages.write(docs / "experiments", docs.parent)
    reference_pages.write(docs / "reference")


def setup(app):
    app.connect("builder-inited", write)  # Before it looks for pages.
    return {"parallel_read_safe": True}
