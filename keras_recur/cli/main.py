"""The command line: list, show, train, compare, experiment, search, export, card."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from rich.table import Table

from keras_recur._files import check_path
from keras_recur._interrupts import interruptible
from keras_recur._limits import MAX_SEEDS, check_size
from keras_recur._memory import out_of_memory
from keras_recur._terminal import plain_console, sentence
from keras_recur.cli.export import export
from keras_recur.cli.options import (
    AnnealEpochs,
    AnnealFrom,
    DataDir,
    Download,
    Epochs,
    Examples,
    Gamma,
    Hierarchy,
    Injection,
    Iterations,
    LossWeights,
    Match,
    Milestones,
    Name,
    On,
    Out,
    Progressive,
    Quick,
    Ramp,
    Rate,
    Resume,
    Seeds,
    Size,
    Supervised,
    Templates,
    Width,
)
from keras_recur.cli.search import search


class Commands(typer.core.TyperGroup):
    """The commands; Ctrl-C ends each of them with a sentence and status 130."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            with interruptible():
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            console.print(f"\n{error or 'Interrupted. Run the same command again.'}")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    help="Recurrent networks and their feed-forward twins.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = plain_console()


@app.command("list")
def list_(pattern: Annotated[str, typer.Argument(help="Wildcard.")] = "*"):
    """Lists the families of networks and the data sets."""
    from keras_recur import data, zoo

    table = Table("family", "what it is", "what is shared", box=None)
    for name in zoo.list_families(pattern):
        family = zoo.describe(name)
        table.add_row(name, family.summary, family.shares)
    console.print(table)
    table = Table("data set", "what it is", "download", box=None)
    for name in data.list_datasets(pattern):
        spec = data.describe(name)
        needed = spec.package and f"none, comes with {spec.package}"
        table.add_row(
            name, spec.summary, spec.download_size or needed or "none, made here"
        )
    console.print()
    console.print(table)


@app.command()
def show(name: Name):
    """Shows a family: paper, what is shared, defaults, costs of both twins."""
    from keras_recur import zoo

    console.print(str(zoo.describe(name)))
    console.print()
    console.print(str(zoo.build(name).costs()))


@app.command()
def train(
    name: Name,
    on: On,
    twin: Annotated[str, typer.Option(help="recurrent or feedforward.")] = "recurrent",
    seed: Annotated[int, typer.Option(help="Seed of weights and data.")] = 0,
    out: Out = None,
    quick: Quick = False,
    resume: Resume = False,
    width: Width = None,
    iterations: Iterations = None,
    templates: Templates = None,
    injection: Injection = None,
    size: Size = None,
    examples: Examples = None,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    milestones: Milestones = None,
    progressive: Progressive = None,
    loss_weights: LossWeights = None,
    gamma: Gamma = None,
    anneal_from: AnnealFrom = None,
    anneal_epochs: AnnealEpochs = None,
    coarse_to_fine: Ramp = None,
    hierarchy: Hierarchy = None,
    data_dir: DataDir = None,
    download: Download = False,
):
    """Trains one twin and tests it over iterations and sizes."""
    from keras_recur._validation import check_one_of
    from keras_recur.cli.loss_options import LossOptions

    check_one_of("twin", twin, ("recurrent", "feedforward"))
    losses = LossOptions(
        loss_weights, gamma, anneal_from, anneal_epochs, coarse_to_fine, hierarchy
    )
    entry = _entry(
        name,
        on,
        quick,
        size,
        examples,
        {
            "width": width,
            "iterations": iterations,
            "templates": templates,
            "injection": injection,
        },
        _recipe(epochs, learning_rate, milestones, progressive),
        losses,
        data_dir,
        download,
    )
    folder = _folder(out, f"{entry.name}-{twin}{'-quick' if quick else ''}")
    _run(entry, folder, [seed], [twin], resume)


@app.command()
def compare(
    name: Name,
    on: On,
    seeds: Seeds = 3,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    out: Out = None,
    quick: Quick = False,
    resume: Resume = False,
    width: Width = None,
    iterations: Iterations = None,
    templates: Templates = None,
    injection: Injection = None,
    match: Match = "depth",
    size: Size = None,
    examples: Examples = None,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    milestones: Milestones = None,
    progressive: Progressive = None,
    loss_weights: LossWeights = None,
    gamma: Gamma = None,
    anneal_from: AnnealFrom = None,
    anneal_epochs: AnnealEpochs = None,
    coarse_to_fine: Ramp = None,
    hierarchy: Hierarchy = None,
    supervision: Supervised = None,
    data_dir: DataDir = None,
    download: Download = False,
):
    """Trains both twins over seeds and shows what recurrence saves and costs."""
    from keras_recur.cli.loss_options import LossOptions

    check_size("seeds", seeds, MAX_SEEDS)
    losses = LossOptions(
        loss_weights, gamma, anneal_from, anneal_epochs, coarse_to_fine, hierarchy
    )
    if supervision is not None and losses.given:
        raise ValueError(
            "--supervision trains the networks by each of its losses in turn and takes "
            f"no other. Received: --supervision with {', '.join(losses.given)}."
        )
    model: dict[str, Any] = {
        "width": width,
        "iterations": iterations,
        "templates": templates,
        "injection": injection,
    }
    if match != "depth":
        model["match"] = match
    entry = _entry(
        name,
        on,
        quick,
        size,
        examples,
        model,
        _recipe(epochs, learning_rate, milestones, progressive),
        losses,
        data_dir,
        download,
    )
    numbers = list(range(first_seed, first_seed + seeds))
    if supervision is not None:
        from keras_recur.experiments import SupervisionExperiment

        asked = SupervisionExperiment(entry, tuple(supervision.split(",")))
        usual = f"supervision-{entry.name}{'-quick' if quick else ''}"
        _run_experiment(asked, _folder(out, usual), numbers, resume)
        return
    folder = _folder(out, f"{entry.name}{'-quick' if quick else ''}")
    _run(entry, folder, numbers, list(entry.networks), resume)


@app.command()
def experiment(
    name: Annotated[
        str, typer.Argument(help="sharing, readout-times, supervision or text.")
    ],
    on: Annotated[
        str | None, typer.Option("--data", help="Images: digits, cifar10, ...")
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Family of networks, for supervision.")
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(help="For supervision: final, uniform, geometric."),
    ] = None,
    seeds: Seeds = 3,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--output", help="Run folder. Default: runs/NAME[-DATA]."),
    ] = None,
    quick: Quick = False,
    resume: Resume = False,
    width: Width = None,
    examples: Examples = None,
    epochs: Epochs = None,
    data_dir: DataDir = None,
    download: Download = False,
):
    """Asks a paper's question: several networks, one set of data, one page."""
    from keras_recur import experiments
    from keras_recur._validation import check_one_of
    from keras_recur.data import list_datasets

    cls = experiments.get_experiment(name)
    check_size("seeds", seeds, MAX_SEEDS)
    settings = _given(
        {
            "data": on,
            "family": family,
            "losses": losses and tuple(losses.split(",")),
            "width": width,
            "num_examples": examples,
            "epochs": epochs,
            "data_dir": _text(data_dir),
            "download": download or None,
        }
    )
    unknown = [_OPTIONS[key] for key in settings if key not in cls.options()]
    if unknown:
        raise ValueError(f"The experiment {name!r} has no {', '.join(unknown)}.")
    if on is not None:
        check_one_of("--data", on, list_datasets())
    asked = cls.from_options(quick, **settings)
    folder = _folder(out, asked.run_name + ("-quick" if quick else ""))
    numbers = list(range(first_seed, first_seed + seeds))
    _run_experiment(asked, folder, numbers, resume)


_OPTIONS = {
    "data": "--data",
    "family": "--family",
    "losses": "--losses",
    "width": "--width",
    "num_examples": "--examples",
    "epochs": "--epochs",
    "data_dir": "--data-dir",
    "download": "--download",
}


@app.command()
def card(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of finished runs, or published ones to refresh."),
    ] = None,
    to: Annotated[
        Path, typer.Option("--output", help="Folder of the published zoo.")
    ] = Path("zoo"),
    suffix: Annotated[
        str | None, typer.Option(help="Added to the entry's name.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="Write the table of results into this file.")
    ] = None,
):
    """Publish finished runs as entries of the zoo."""
    from keras_recur.experiments.run_experiment import refresh_page
    from keras_recur.reports.card import refresh_card, write_card, write_table

    to = check_path("to", to)
    results = None if results is None else check_path("results", results)
    for run in runs or ():
        published = (run / "results.json").exists() and not (run / "run.json").exists()
        if not published:
            written = write_card(run, to, suffix)
        elif run.parent.name == "experiments":
            written = refresh_page(run)
        else:
            written = refresh_card(run)
        console.print(f"wrote {written}")
    if results:
        write_table(to, results)
        console.print(f"wrote the table into {results}")


app.command()(search)
app.command()(export)


@contextlib.contextmanager
def _interruptible(kept):
    """Ctrl-C says what is kept, and how to resume."""
    try:
        with interruptible():
            yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Interrupted. Finished {kept} and epochs are kept: run the same command "
            "with --resume to continue."
        ) from None


def _run_experiment(asked, folder, seeds, resume):
    from keras_recur import experiments

    networks = f"{len(asked.networks)} networks, seeds {seeds}"
    console.print(f"{asked.name}: {networks}, into {folder}/")

    def report(line):
        console.print(line)

    with _interruptible("networks"):
        results = experiments.run_experiment(
            asked, folder, seeds, resume=resume, report=report
        )
    console.print(f"\nReport with plots: {folder / 'report.html'}")
    if any(r["status"] == "diverged" for r in results["runs"]):
        raise typer.Exit(1)


def _entry(name, on, quick, size, examples, model, recipe, losses, data_dir, download):
    from keras_recur.runs import make_entry

    recipe |= losses.fields(on, recipe.get("progressive"))
    arguments = _given(model)
    if arguments.get("templates", "").isdigit():
        arguments["templates"] = int(arguments["templates"])
    if arguments.get("injection") == "none":
        arguments["injection"] = None
    entry = make_entry(
        name,
        on,
        quick=quick,
        size=size,
        num_examples=examples,
        model=arguments,
        recipe=recipe,
        data_dir=_text(data_dir),
        download=download,
    )
    losses.check(entry)
    return entry


def _given(arguments):
    return {k: v for k, v in arguments.items() if v is not None}


def _folder(out, usual):
    """Where a run goes: what `--output` says, or a folder in `runs`."""
    return Path("runs") / usual if out is None else check_path("out", out)


def _text(path):
    return None if path is None else str(check_path("data_dir", path))


def _recipe(epochs, learning_rate, milestones, progressive):
    fields: dict[str, Any] = _given(
        {
            "epochs": epochs,
            "learning_rate": learning_rate,
            "progressive": progressive,
        }
    )
    if milestones is not None:
        try:
            fields["milestones"] = [int(m) for m in milestones.split(",") if m]
        except ValueError:
            raise ValueError(
                "--milestones must be epochs with commas between, as 30,40. Received: "
                f"{milestones!r}."
            ) from None
    return fields


def _run(entry, folder, seeds, twins, resume):
    from keras_recur._plot_style import label
    from keras_recur.reports import write_report
    from keras_recur.reports.run_report import accuracy_table, costs_table, headline
    from keras_recur.runs import Progress, RunFolder, compare

    words = ", ".join(label(twin) for twin in twins)
    console.print(f"{entry.name}: {words}, seeds {seeds}, into {folder}/")
    with _interruptible("seeds"):
        results = compare(
            entry, folder, seeds, twins, resume=resume, progress=Progress(console)
        )
    report = write_report(RunFolder(folder))
    for header, rows in (accuracy_table(results), costs_table(results)):
        table = Table(*header, box=None)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        console.print()
    console.print(headline(results))
    console.print(f"\nReport with plots: {report}")
    if any(r["status"] == "diverged" for r in results["runs"]):
        raise typer.Exit(1)


def main() -> None:
    """The `keras-recur` command: errors are one sentence, not a traceback."""
    try:
        app()
    except SystemExit as done:
        if done.code == 130:
            _leave()
        raise
    except (ValueError, OSError, RuntimeError, ImportError, MemoryError) as error:
        _report(error)
    except Exception as error:
        if not out_of_memory(error):  # TensorFlow has a class of its own for that.
            raise
        _report(error)


def _leave():
    """Ends the process at once: JAX may crash if it is taken down as it computes."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(130)


def _report(error):
    if os.environ.get("KERAS_RECUR_TRACEBACK"):
        raise error
    text = f"Error: {sentence(error)}"
    plain_console(stderr=True).print(text, style="red", soft_wrap=True)
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()
