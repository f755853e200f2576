"""The command `keras-recur compare`."""

from rich.table import Table

from keras_recur._terminal import plain_console
from keras_recur.cli._run import exit_if_diverged, resumable
from keras_recur.cli.entry_options import EntryOptions
from keras_recur.cli.loss_options import LossOptions
from keras_recur.cli.options import with_fields
from keras_recur.cli.run_options import RunOptions


@with_fields
def compare(
    options: EntryOptions,
    losses: LossOptions,
    run: RunOptions,
):
    """Train both twins over seeds and compare their accuracy and costs."""
    from keras_recur import reports, runs
    from keras_recur._plot_style import label
    from keras_recur.reports.run_report import accuracy_table, costs_table, headline
    from keras_recur.reports.settling import settling_sentences

    numbers = run.seed_list()
    entry = options.entry(losses)
    networks = run.chosen(entry.networks)
    folder = run.folder(entry.name, quick=options.quick)
    console = plain_console()
    names = ", ".join(label(network) for network in networks)
    console.print(f"{entry.name}: {names}, seeds {numbers}. Output: {folder}/")
    with resumable("seeds"):
        results = runs.compare(
            entry,
            folder,
            numbers,
            networks,
            resume=run.resume,
            progress=runs.Progress(console),
            jobs=run.processes,
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
