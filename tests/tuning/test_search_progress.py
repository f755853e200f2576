"""The progress of a search, as data and on the terminal."""

import io
import math

import pytest
from made_search import failed, made_row
from rich.console import Console

from keras_recur.cli.search_view import SearchView
from keras_recur.tuning.search_progress import SearchProgress

pytestmark = pytest.mark.once


def rows(*scores, seconds=60.0):
    return [
        made_row(8, 2, "all", seed, accuracy=score, seconds=seconds)
        for seed, score in enumerate(scores)
    ]


def test_progress_counts_runs():
    found = [
        *rows(0.5, 0.7),
        made_row(8, 4, "none", 0, accuracy=0.64, seconds=120.0),
        failed(made_row(16, 2, "all", 0, seconds=0.0), "out of memory", "3 GB"),
    ]
    progress = SearchProgress.of(found, total=10, running=2)
    assert (progress.done, progress.failed, progress.running) == (4, 1, 2)
    # The mean over seeds decides, not the best run.
    assert progress.best == "w8-t4-none" and progress.score == 0.64
    assert progress.seconds_left == pytest.approx(60 * 6 / 2)
    assert str(progress) == (
        "4 of 10 runs done, 2 running, 1 failed, best so far 64.0 % (w8-t4-none), "
        "about 3 min left"
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rows": []}, "0 of 8 runs done, 2 running, 0 failed"),
        ({"total": None}, "2 runs done, 2 running, 0 failed, best so far 60.0 %"),
        ({"workers": 3}, "about 2 min left"),  # One of three workers has died.
        ({"running": 0, "workers": 1}, "2 of 8 runs done, 0 running"),
        ({"running": 0}, "about 6 min left"),
        ({"total": 2}, "2 of 2 runs done, 2 running, 0 failed, best so far 60.0 %"),
        ({"total": 1}, "2 of 1 runs done"),  # Rows of earlier proposals count too.
        ({"total": 400}, "about 3 h 19 min left"),
        ({"total": 242}, "about 2 h left"),
        ({"rows": rows(0.5, 0.7, seconds=3.0)}, "about 9 s left"),
        ({"fresh": rows(0.9, 0.9)}, "4 of 8 runs done, 2 running, 0 failed, best so "),
        ({"fresh": rows(0.9, 0.9)}, "far 60.0 %"),
        ({"rows": rows(math.nan)}, "1 of 8 runs done, 2 running, 1 failed, about"),
    ],
)
def test_progress_prints_one_line(changes, text):
    given = {"rows": rows(0.5, 0.7), "total": 8, "running": 2, **changes}
    said = str(SearchProgress.of(given.pop("rows"), **given))
    assert text in said
    if given["total"] in (1, 2, None):
        assert "left" not in said


def shown(terminal):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    with SearchView(console) as view:
        for done in range(1, 9):
            view.report(f"run {done} is done")
            view.progress(SearchProgress.of(rows(*[0.5] * done), 8, int(done < 8)))
    return file.getvalue()


def test_view_prints_plain_lines_without_a_terminal():
    lines = shown(terminal=False).splitlines()
    assert lines[:2] == ["run 1 is done", str(SearchProgress.of(rows(0.5), 8, 1))]
    # Progress is printed at the start and at the end, not after every run.
    assert [line for line in lines if "runs done" in line] == [lines[1], lines[-1]]
    assert lines[-1].startswith("8 of 8 runs done, 0 running")
    assert all("\x1b" not in line for line in lines)


def test_view_shows_a_bar_in_a_terminal():
    text = shown(terminal=True)
    assert "8/8" in text and "0 running, 0 failed, best so far 50.0 %" in text
    assert text.count("run 3 is done") == 1
    assert "runs done" not in text
