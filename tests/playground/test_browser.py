"""The page in a real Chromium: click, think, and compare the pictures."""

import contextlib
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_recur import zoo
from keras_recur.playground.tasks import TASKS

pytest.importorskip("gradio", reason="the extra `play` is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
from PIL import Image  # noqa: E402
from served import RING, assert_same, expected, served  # noqa: E402

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is here"),
]
WAIT = 60_000  # Milliseconds, for a machine that is busy.


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as tools:
        # Containers run tests as root, for whom Chromium has no sandbox.
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(chromium, *arguments):
    """Serve a page and open it; requests to other machines fail the test."""
    with served(*arguments) as page:
        view = chromium.new_page(viewport={"width": 1300, "height": 1000})
        elsewhere = []
        view.route(
            lambda url: not url.startswith((page.local_url, "data:", "blob:")),
            lambda route: (elsewhere.append(route.request.url), route.abort()),
        )
        view.set_default_timeout(WAIT)
        view.goto(page.local_url)
        view.get_by_role("button", name="Think").wait_for()
        yield view
        view.close()
        assert elsewhere == []


def picture(view, part):
    """Return the pixels of the picture of a part of the page."""
    image = view.locator(f"#{part} img")
    image.wait_for()
    found = view.request.get(image.evaluate("i => i.src"))
    return np.asarray(Image.open(io.BytesIO(found.body())).convert("RGB"))


def wait_for(view, condition, what):
    """Wait until a condition in Python holds."""
    for _ in range(WAIT // 100):
        with contextlib.suppress(Exception):
            if condition():
                return
        view.wait_for_timeout(100)
    raise AssertionError(f"waited in vain for {what}")


def think(view):
    view.get_by_role("button", name="Think").click()
    view.locator(".kr-stops").wait_for()


def equal(view, part, other):
    def same():
        assert_same(picture(view, part), other)
        return True

    wait_for(view, same, f"the picture of {part}")


def click_point(view, codes, row, column):
    """Click the middle of a grid point of a maze."""
    box = view.locator("#mazes-board img").bounding_box()
    pixels = 2 * len(codes) + 2
    x, y = ((2 * place + 2) / pixels for place in (column, row))
    view.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_maze_is_clicked_and_solved(chromium):
    name, task = "deep_thinking_2d-mazes", TASKS["mazes"]
    pair = zoo.load(name)
    with opened(chromium, name) as view:
        codes = task.example(9, 0)
        equal(view, "mazes-board", task.board(codes))
        # A shut corridor leaves no path: a message, and no picture.
        row, column = np.argwhere(task.answer(codes)[1:-1:2, 1:-1:2] == 1)[1]
        if codes[row, column] > 1:
            row, column = np.argwhere(task.answer(codes)[1:-1:2, 1:-1:2] == 1)[2]
        click_point(view, codes, row, column)
        shut = codes.copy()
        shut[row, column] = 0
        equal(view, "mazes-board", task.board(shut))
        view.get_by_role("alert").filter(has_text="No path").wait_for()
        view.get_by_role("button", name="Think").click()
        view.wait_for_timeout(500)
        assert not view.locator("#mazes-recurrent img").is_visible()
        # The second click opens it again.
        click_point(view, codes, row, column)
        equal(view, "mazes-board", task.board(codes))
        think(view)
        equal(view, "mazes-recurrent", expected(task, pair.recurrent, codes, 30, 29))
        twin = expected(task, pair.feedforward, codes, 30, 29)
        equal(view, "mazes-feedforward", twin)
        number = view.get_by_role("spinbutton", name="After iteration")
        number.fill("3")
        number.press("Enter")
        equal(view, "mazes-recurrent", expected(task, pair.recurrent, codes, 30, 2))


def test_maze_with_two_paths_gives_a_message(chromium):
    task = TASKS["mazes"]
    with opened(chromium, "deep_thinking_2d-mazes") as view:
        view.get_by_role("button", name="Input as text").click()
        text = view.locator(".kr-text textarea")
        one = RING.strip().replace("#S........#", "#S#.......#")
        text.fill(one)
        text.blur()
        codes = task.parse(one)
        equal(view, "mazes-board", task.board(codes))
        click_point(view, codes, 1, 2)
        view.get_by_role("alert").filter(has_text="More than one path").wait_for()
        assert "#S........#" in text.input_value()
        view.get_by_role("button", name="Think").click()
        view.wait_for_timeout(500)
        assert view.get_by_role("alert").is_visible()
        assert not view.locator("#mazes-recurrent img").is_visible()


def test_bits_are_typed_and_played(chromium):
    name, task = "deep_thinking_1d-prefix_sums", TASKS["prefix_sums"]
    pair = zoo.load(name)
    with opened(chromium, name) as view:
        text = view.locator(".kr-text textarea")
        text.fill("10x")
        alert = view.get_by_role("alert").filter(has_text="zeros and ones only")
        alert.wait_for()
        text.fill("1011001")
        alert.wait_for(state="hidden")
        think(view)
        value = task.parse("1011001")
        last = expected(task, pair.recurrent, value, 30, 29)
        equal(view, "prefix_sums-recurrent", last)
        view.get_by_role("button", name="Play").click()
        words = view.locator(".kr-note").first
        early = re.compile(r"iteration [1-9]\b")
        wait_for(view, lambda: early.search(words.inner_text()), "an early iteration")
        view.get_by_role("button", name="Pause").click()
        view.get_by_role("button", name="Play").wait_for()
        # A stop rule's threshold moves where it stops.
        view.get_by_role("button", name="Stop rules").click()
        limit = view.get_by_role("spinbutton", name="change: threshold")
        limit.fill("1000")
        limit.press("Enter")
        row = view.locator(".kr-stops tr").filter(has_text="change <= 1000")
        row.filter(has_text=re.compile(r"^change <= 1000\s*1:")).wait_for()


def test_digit_is_drawn(chromium):
    with opened(chromium, "feedback-digits") as view:
        before = picture(view, "digits-board")
        canvas = view.locator("#digits-canvas canvas").first
        canvas.wait_for()
        view.locator("#digits-canvas").get_by_role("button", name="Brush").click()
        view.wait_for_timeout(1000)
        box = canvas.bounding_box()
        x, top = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.25
        view.mouse.move(x, top)
        view.mouse.down()
        view.mouse.move(x, top + box["height"] * 0.5, steps=12)
        view.mouse.up()
        wait_for(
            view,
            lambda: (picture(view, "digits-board") != before).any(),
            "the drawing",
        )
        board = picture(view, "digits-board")
        ink = board[15::30, 15::30].mean(-1) < 220
        assert ink.any(1).all() and 1 <= ink.any(0).sum() <= 3  # A bar.
        think(view)
        view.locator(".kr-note", has_text="answer: 1").wait_for()


def test_page_fits_a_telephone(chromium):
    with opened(chromium, "deep_thinking_2d-mazes") as view:
        view.set_viewport_size({"width": 400, "height": 800})
        think(view)
        wide = view.evaluate("document.documentElement.scrollWidth")
        assert wide <= 400


def test_styles_are_part_of_the_package():
    import keras_recur

    folder = Path(keras_recur.__file__).parent / "playground"
    assert (folder / "page.css").stat().st_size > 500
