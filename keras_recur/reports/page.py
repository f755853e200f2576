"""A page about a run, as one HTML file with all figures or as Markdown."""

import base64
import html
import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_recur._plot_style import save

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto;
       padding: 0 1rem; color: #222; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; }
figure { margin: 1.5rem 0; } img { max-width: 100%; } figcaption { color: #555; }
pre { background: #f6f6f6; padding: .6rem; white-space: pre-wrap; }
.small { font-size: .85rem; color: #555; } .headline { font-size: 1.15rem; }
.wide { overflow-x: auto; font-size: .85rem; width: max-content; margin-left: 50%;
        min-width: 100%; max-width: calc(100vw - 3rem); transform: translateX(-50%); }
.wide td, .wide th { padding: .2rem .5rem; white-space: nowrap; }
.wide th { cursor: pointer; user-select: none; }
.wide td:last-child { text-align: left; white-space: normal; min-width: 14rem; }
.wide th:last-child { text-align: left; }
th[aria-sort=ascending]::after { content: " \\25B4"; }
th[aria-sort=descending]::after { content: " \\25BE"; }
"""

# Numbers are sorted by value, other text as text; empty cells stay last.
_SORT = """
for (const table of document.querySelectorAll(".wide table")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const sort = (head, column) => {
    const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
    const text = row => row.cells[column].textContent.trim();
    const number = row => parseFloat(text(row).replaceAll(",", ""));
    const empty = row => ["", "-"].includes(text(row));
    body.append(...[...body.rows].sort((a, b) =>
      empty(a) - empty(b) || down * (number(a) - number(b) ||
        text(a).localeCompare(text(b), "en", {numeric: true}))));
  };
  heads.forEach((head, column) => {
    head.tabIndex = 0;
    head.onclick = () => sort(head, column);
    head.onkeydown = event => event.key === "Enter" && sort(head, column);
  });
}
"""


class Page:
    """The parts of a page, in order."""

    def __init__(self, title: str):
        self.title = title
        self._html = [f"<h1>{html.escape(title)}</h1>"]
        self._markdown = [f"# {escaped(title)}"]
        self._sortable = False

    def headline(self, text: str) -> None:
        """Add the main result in one or two sentences."""
        self._html.append(f'<p class="headline">{html.escape(text)}</p>')
        self._markdown.append(_block(text))

    def heading(self, text: str) -> None:
        """Add a heading below the title."""
        self._html.append(f"<h2>{html.escape(text)}</h2>")
        self._markdown.append(f"## {escaped(text)}")

    def paragraph(self, text: str, small: bool = False) -> None:
        """Add a paragraph, which is `small` for notes."""
        kind = ' class="small"' if small else ""
        self._html.append(f"<p{kind}>{html.escape(text)}</p>")
        self._markdown.append(_block(text))

    def verbatim(self, text: str, language: str = "text") -> None:
        """Add preformatted text, or code in `language`."""
        self._html.append(f"<pre>{html.escape(text)}</pre>")
        # The fence must be longer than any in the text.
        longest = max(map(len, re.findall("`+", text)), default=0)
        fence = "`" * max(3, longest + 1)
        self._markdown.append(f"{fence}{language}\n{text}\n{fence}")

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        sortable: bool = False,
    ) -> None:
        """Add a table; clicks on headings sort a `sortable` one in the HTML file."""

        def line(cells, tag):
            return "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells)

        body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
        head = f"<tr>{line(header, 'th')}</tr>"
        if sortable:
            self._html.append(
                f'<div class="wide"><table><thead>{head}</thead><tbody>{body}</tbody>'
                "</table></div>"
            )
            self._sortable = True
        else:
            self._html.append(f"<table>{head}{body}</table>")
        cells = [[escaped(cell) for cell in row] for row in (header, *rows)]
        self._markdown.append(markdown_table(cells[0], cells[1:]))

    def details(
        self, summary: str, header: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> None:
        """Add a table that is shown after a click on its summary."""
        begin = f"<details>\n<summary>{html.escape(summary)}</summary>"
        for parts in (self._html, self._markdown):
            parts.append(begin)
        self.table(header, rows)
        for parts in (self._html, self._markdown):
            parts.append("</details>")

    def picture(self, path: Path, caption: str) -> None:
        """Show a PNG or GIF file, in Markdown as a link to `plots/`."""
        data = base64.b64encode(path.read_bytes()).decode()
        text, kind = html.escape(caption), path.suffix[1:]
        name = path.stem.replace("-", " ").replace("_", " ")
        self._html.append(
            f'<figure><img alt="{html.escape(name)}" src="data:image/{kind};base64,'
            f'{data}"><figcaption>{text}</figcaption></figure>'
        )
        file = urllib.parse.quote(path.name)
        self._markdown.append(
            f"![{escaped(name)}](plots/{file})\n\n*{escaped(caption)}*"
        )

    def figure(self, figure: Any, path: Path, caption: str) -> None:
        """Write a Matplotlib figure as a PNG file, and show it."""
        save(figure, path)
        self.picture(path, caption)

    def html(self) -> str:
        """Return the page as one HTML file."""
        script = f"<script>{_SORT}</script>" if self._sortable else ""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f"<title>{html.escape(self.title)}</title><style>{_STYLE}</style></head>"
            f"<body>{chr(10).join(self._html)}{script}</body></html>\n"
        )

    def markdown(self) -> str:
        """Return the page as Markdown."""
        return "\n\n".join(self._markdown) + "\n"


def escaped(text: str) -> str:
    """Return text on one line in which nothing is Markdown, HTML or a directive."""
    text = re.sub(r"[^\S\N{NO-BREAK SPACE}]+", " ", text).strip(" ")
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*|\[\]])", r"\\\1", text)
    # An underscore inside a word needs no escape.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


def _block(text):
    """Escape text that would begin a heading, list, quotation, fence or label."""
    return re.sub(r"^(?=[#>~:%+=-]|\(.*\)=$)", r"\\", escaped(text))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, with `|` in cells escaped."""

    def cell(text):
        return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", text)

    def line(cells):
        return "| " + " | ".join(map(cell, cells)) + " |"

    ruler = "|" + " --- |" * len(header)
    return "\n".join([line(header), ruler, *map(line, rows)])
