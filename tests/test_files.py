"""Files: JSON as JSON has it, and what is moved to its place when it is whole."""

import itertools
import json
import math
import sys

import numpy as np
import pytest

from keras_recur._files import (
    making,
    read_json,
    replace_between,
    write_json,
    write_text,
)

pytestmark = pytest.mark.once


def interrupted(function, step):
    """Call a function, interrupt it where Python looks for signals; whether it did."""
    steps = itertools.count()

    def interrupt(frame, event, argument):
        if event in ("call", "c_return") and next(steps) == step:
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def test_write_interrupted_anywhere_leaves_one_whole_file(tmp_path, monkeypatch):
    # CPython closes, with a warning, what was opened just before an interrupt.
    monkeypatch.setattr(sys, "unraisablehook", lambda found: None)
    path = tmp_path / "a.txt"
    found = set()
    for step in itertools.count():
        path.write_text("old", "utf-8")
        again = interrupted(lambda: write_text(path, "new"), step)
        assert list(tmp_path.iterdir()) == [path]
        found.add(path.read_text("utf-8"))
        if not again:
            break
    assert step > 20 and found == {"old", "new"}


def test_write_json_writes_null_for_nan_and_infinity(tmp_path):
    content = {"a": math.nan, "b": [math.inf, 1.5], "c": {"d": np.array([1, -np.inf])}}
    write_json(tmp_path / "a.json", content)

    def refuse(name):
        raise AssertionError(name)

    text = (tmp_path / "a.json").read_text("utf-8")
    plain = {"a": None, "b": [None, 1.5], "c": {"d": [1, None]}}
    assert json.loads(text, parse_constant=refuse) == plain
    assert read_json(tmp_path / "a.json") == plain


def test_json_has_a_line_per_list_of_numbers(tmp_path):
    texts = ["[\n1,  2]", "a"]
    content = {"a": [1, 2.5, None, True], "b": [[1, -2e-9], []], "c": texts}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    lines = (tmp_path / "a.json").read_text("utf-8").splitlines()
    assert lines[1:3] == [' "a": [1, 2.5, null, true],', ' "b": [']
    assert lines[3:5] == ["  [1, -2e-09],", "  []"]
    assert lines[7:] == ['  "[\\n1,  2]",', '  "a"', " ]", "}"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_making_leaves_nothing_after_an_error(kind, tmp_path):
    def make(path, fail):
        with making(path) as made:
            if kind == "folder":
                made.mkdir()
                made = made / "part"
            made.write_text("content", "utf-8")
            if fail:
                raise OSError("No space left on device")

    with pytest.raises(OSError):
        make(tmp_path / "new", True)
    assert not list(tmp_path.iterdir())
    make(tmp_path / "new", False)
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_making_removes_what_a_killed_process_left(tmp_path):
    left = tmp_path / ".new.partial" / "new"
    left.mkdir(parents=True)
    (left / "half").touch()
    with making(tmp_path / "new") as made:
        assert not made.exists()
        made.write_text("content", "utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_making_refuses_a_second_writer(tmp_path):
    with making(tmp_path / "new") as made:
        made.touch()
        with pytest.raises(ValueError, match="Another process is writing to"):
            with making(tmp_path / "new"):
                pass


def test_replace_between_keeps_the_text_around_the_markers():
    text = "before\n<a>\nold\n<b>\nafter"
    expected = "before\n<a>\nnew\n<b>\nafter"
    assert replace_between(text, "<a>", "<b>", "new") == expected
    for wrong in ("<a> only", "<b> before <a>"):
        with pytest.raises(ValueError, match="must contain the lines '<a>' and '<b>'"):
            replace_between(wrong, "<a>", "<b>", "new")
