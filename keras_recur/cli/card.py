"""The command `keras-recur card`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_recur._files import check_path
from keras_recur._terminal import plain_console
from keras_recur.reports.card import write_card, write_table


def card(
    runs: Annotated[list[Path], typer.Argument(help="Folders of completed runs.")],
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
    output = check_path("output", output)
    results = None if results is None else check_path("results", results)
    console = plain_console()
    for run in runs:
        console.print(f"Wrote {write_card(run, output, suffix)}")
    if results is not None:
        write_table(output, results)
        console.print(f"Wrote the table into {results}")
