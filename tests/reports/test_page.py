"""Pages and cards show what others wrote, and run nothing of it."""

import json
import os
import subprocess
import sys

import pytest

from keras_recur.reports.card import write_card
from keras_recur.reports.page import Page, escaped, markdown_table

pytestmark = pytest.mark.once
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (SCRIPT, "&lt;script>alert(1)&lt;/script>"),
        ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
        ("![x](a.png)", "!\\[x\\](a.png)"),
        ("a | b", "a \\| b"),
        ("a\n\n# b\r\n```{raw} html", "a # b \\`\\`\\`{raw} html"),
        ("`code` *bold* a_b _c_", "\\`code\\` \\*bold\\* a_b \\_c\\_"),
        ("a\\|b &lt; \N{NO-BREAK SPACE}", "a\\\\\\|b &amp;lt; \N{NO-BREAK SPACE}"),
        ("98.2 ± 0.4 %", "98.2 ± 0.4 %"),
    ],
)
def test_escaped_text_is_text_in_markdown(text, shown):
    assert escaped(text) == shown


def test_pages_escape_every_part(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    page = Page(SCRIPT)
    for add in (page.headline, page.heading, page.paragraph):
        add(SCRIPT)
    page.table([SCRIPT, "b"], [["a | b", SCRIPT]])
    page.picture(tmp_path / "a.png", SCRIPT)
    assert "<script>" not in page.html() + page.markdown()
    # A cell with a bar is one cell.
    assert "| a \\| b | &lt;script>" in page.markdown()
    assert markdown_table(["a|b", "\\\\|", "c\\|"], []).startswith(
        "| a\\|b | \\\\\\| | c\\| |"
    )


@pytest.mark.parametrize(
    "start", ["~~~{raw} html", "# a", ":::{raw} html", "%a", "(a)="]
)
def test_paragraph_cannot_start_another_block(start):
    page = Page("title")
    page.paragraph(start)
    assert page.markdown().split("\n\n")[1].startswith("\\")


def test_verbatim_text_cannot_end_its_fence():
    page = Page("title")
    page.verbatim("a\n````\n# b")
    assert page.markdown().endswith("`````text\na\n````\n# b\n`````\n")


@pytest.mark.parametrize(
    "name",
    ["../../a", "/a", "a/b", "a\\b", "..", "", ".hidden", "C:a", "a\n", 3, None, ["a"]],
)
def test_write_card_cannot_leave_the_zoo(name, run, tmp_path):
    results = run.read_json("results.json") | {"name": name}
    (run.path / "results.json").write_text(json.dumps(results), "utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="name.* must be (a name|letters)"):
        write_card(run.path, tmp_path / "a/zoo")
    assert [p for p in sorted(tmp_path.rglob("*")) if p not in before] == []


def test_text_files_are_utf_8_in_any_locale(tmp_path):
    readme = tmp_path / "README.md"
    text = (
        "98.2 ± 0.4 %\n<!-- zoo table: keras-recur card -->\n<!-- end of zoo table -->"
    )
    readme.write_bytes(f"{text}\n".encode())
    code = "import sys; from keras_recur.reports.card import write_table; "
    code += "write_table(*sys.argv[1:])"
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    command = [sys.executable, "-c", code, str(tmp_path), str(readme)]
    subprocess.run(command, env={**os.environ, **plain}, check=True)
    assert readme.read_bytes().startswith("98.2 ± 0.4 %\n".encode())
