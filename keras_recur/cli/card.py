"""The command `keras-recur card`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_recur._files import check_path
from keras_recur._terminal import plain_console


def card(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of completed runs, or published ones to refresh."),
    ] = None,
    output: Annotated[
        Path, typer.Option(help="Folder of the published entries.")
    ] = Path("zoo"),
    suffix: Annotated[
        str | None, typer.Option(help="Suffix of the entry's name.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(help="Markdown file that receives the table of all entries."),
    ] = None,
):
    """Turn completed runs into published entries, each with a card."""
    from keras_recur.experiments.run_experiment import refresh_page
    from keras_recur.reports.card import refresh_card, write_card, write_table

    output = check_path("output", output)
    results = None if results is None else check_path("results", results)
    console = plain_console()
    for run in runs or ():
        published = (run / "results.json").exists() and not (run / "run.json").exists()
        if not published:
            written = write_card(run, output, suffix)
        elif run.parent.name == "experiments":
            written = refresh_page(run)
        else:
            written = refresh_card(run)
        console.print(f"Wrote {written}")
    if results is not None:
        write_table(output, results)
        console.print(f"Wrote the table into {results}")
