"""Take the picture of the page of `keras-recur play`, with the system's Chromium.

python docs/figures/play_figure.py
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

import keras_recur

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    """Write the page after the networks have solved a maze, if there is a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("docs/figures/play.png stays as it is: there is no Chromium.")
        return
    page = keras_recur.play("deep_thinking_2d-mazes", block=False)
    with sync_playwright() as tools:
        chromium = tools.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        view = chromium.new_page(viewport={"width": 1300, "height": 900})
        view.goto(page.local_url)
        view.get_by_role("button", name="Think").click()
        view.locator(".kr-stops").wait_for()
        view.wait_for_timeout(2_000)  # The pictures are still on their way.
        view.screenshot(path=HERE / "play.png", full_page=True)
        chromium.close()
    page.close()


if __name__ == "__main__":
    main()
