"""The command `keras-recur compare`."""

from typing import Annotated

import typer
from rich.table import Table

from keras_recur._terminal import plain_console
from keras_recur._validation import check_one_of
from keras_recur.cli._run import exit_if_diverged, resumable, seed_list
from keras_recur.cli.entry_options import EntryOptions
from keras_recur.cli.loss_options import LossOptions
from keras_recur.cli.options import (
    FirstSeed,
    Jobs,
    Output,
    Resume,
    Seeds,
    run_folder,
    with_fields,
)


@with_fields
def compare(
    options: EntryOptions,
    losses: LossOptions,
    seeds: Seeds = 3,
    first_seed: FirstSeed = 0,
    only: Annotated[
        str | None,
        typer.Option(help="Train one network: recurrent, feedforward or a variant."),
    ] = None,
    jobs: Jobs = None,
    output: Output = None,
    resume: Resume = False,
):
    """Train both twins over seeds and compare their accuracy and costs."""
    from keras_recur import reports, runs
    from keras_recur._plot_style import label
    from keras_recur.reports.run_report import accuracy_table, costs_table, headline
    from keras_recur.reports.settling import settling_sentences

    numbers = seed_list(seeds, first_seed)
    entry = options.entry(losses)
    networks = list(entry.networks)
    if only is not None:
        networks = [check_one_of("only", only, entry.networks)]
    parts = [entry.name, *([only] if only else []), *(["quick"] * options.quick)]
    folder = run_folder(output, "-".join(parts))
    console = plain_console()
    names = ", ".join(label(network) for network in networks)
    console.print(f"{entry.name}: {names}, seeds {numbers}. Output: {folder}/")
    with resumable("seeds"):
        results = runs.compare(
            entry,
            folder,
            numbers,
            networks,
            resume=resume,
            progress=runs.Progress(console),
            jobs="auto" if jobs is None else jobs,
        )
    report = reports.write_report(runs.RunFolder(folder))
    for header, rows in (accuracy_table(results), costs_table(results)):
        table = Table(*header, box=None)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        console.print()
    console.print(headline(results))
    settling = settling_sentences(results)
    if settling:
        console.print(settling)
    console.print(f"\nReport with plots: {report}")
    exit_if_diverged(results)
