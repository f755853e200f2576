"""The command `keras-recur play`."""

import time
from typing import Annotated

import typer

from keras_recur._terminal import plain_console


def play(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[ENTRY]",
            help="Published entry, folder of a run, or .keras file. Default: all "
            "published entries on data that the page can show.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Data set of the inputs of a .keras file: prefix_sums, mazes, "
            "shortest_paths or digits."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port. Default: the first free one from 7860.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser.")
    ] = True,
):
    """Make inputs in the browser and watch networks iterate."""
    from keras_recur import playground

    page = playground.play(source, task, port=port, browser=browser, block=False)
    console = plain_console()
    console.print(f"Open {page.local_url} in a browser. Stop with Ctrl-C.")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("\nStopped.")
    finally:
        page.close()
