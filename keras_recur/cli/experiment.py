"""The command `keras-recur experiment`, with a subcommand for each experiment."""

import dataclasses
from typing import Annotated, Any

import typer

from keras_recur._files import check_path
from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._validation import check_one_of
from keras_recur.cli._app import App
from keras_recur.cli._run import run_experiment, seed_list
from keras_recur.cli.entry_options import EntryOptions
from keras_recur.cli.options import (
    Data,
    DataDir,
    Download,
    Epochs,
    Examples,
    FirstSeed,
    Jobs,
    Name,
    Output,
    Quick,
    Resume,
    Seeds,
    Width,
    run_folder,
    with_fields,
)

app = App(
    help="Answer a paper's question: train several networks and write one page.",
    no_args_is_help=True,
)


@dataclasses.dataclass(frozen=True)
class ImageOptions:
    """Options that are fields of an experiment on images."""

    data: Annotated[str | None, typer.Option(help="Data set of images.")] = None
    width: Width = None
    examples: Examples = None
    epochs: Epochs = None
    data_dir: DataDir = None
    download: Download = False


@dataclasses.dataclass(frozen=True)
class TextOptions:
    """Options that are fields of an experiment on text."""

    examples: Examples = None
    epochs: Epochs = None


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Options of a run of an experiment."""

    seeds: Seeds = 3
    first_seed: FirstSeed = 0
    jobs: Jobs = None
    output: Output = None
    quick: Quick = False
    resume: Resume = False


@app.command()
@with_fields
def supervision(
    options: EntryOptions,
    losses: Annotated[
        str, typer.Option(help="Losses to compare: final, uniform and geometric.")
    ] = "final,uniform",
    seeds: Seeds = 3,
    first_seed: FirstSeed = 0,
    jobs: Jobs = None,
    output: Output = None,
    resume: Resume = False,
):
    """Does recurrence matter, or the training of every readout?"""
    from keras_recur.experiments import SupervisionExperiment

    numbers = seed_list(seeds, first_seed)
    entry = options.entry()
    asked = SupervisionExperiment(entry, tuple(losses.split(",")))
    usual = f"supervision-{entry.name}{'-quick' if options.quick else ''}"
    run_experiment(asked, run_folder(output, usual), numbers, resume, jobs)


@dataclasses.dataclass(frozen=True)
class ReplayOptions(EntryOptions):
    """Options of an entry, by default of prefix sums."""

    name: Name = "deep_thinking_1d"
    data: Data = "prefix_sums"


@app.command()
@with_fields
def replay(
    options: ReplayOptions,
    sizes: Annotated[
        str | None,
        typer.Option(help="Sizes of the test examples, as 16,128,512."),
    ] = None,
    longest: Annotated[
        int | None, typer.Option(help="A larger size, tested on few examples.")
    ] = None,
    long_run: Annotated[
        int, typer.Option(help="Iterations of a long run on the trained size.")
    ] = 10_000,
    seeds: Seeds = 3,
    first_seed: FirstSeed = 0,
    jobs: Jobs = None,
    output: Output = None,
    resume: Resume = False,
):
    """What keeps a loop right when it runs on? State replay, whole and in parts."""
    from keras_recur.experiments import ReplayExperiment

    numbers = seed_list(seeds, first_seed)
    entry = options.entry()
    asked = ReplayExperiment(
        entry, None if sizes is None else _sizes(sizes), longest, long_run
    )
    usual = f"replay-{entry.name}{'-quick' if options.quick else ''}"
    run_experiment(asked, run_folder(output, usual), numbers, resume, jobs)


def _sizes(text):
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise ValueError(
            "--sizes must be numbers separated by commas, such as 16,128,512. "
            f"Received: {text!r}."
        ) from None


@app.command("sharing", help=f"{EXPERIMENT_TITLES['sharing']}.")
@with_fields
def sharing(settings: ImageOptions, options: RunOptions):
    _run("sharing", settings, options)


@app.command("readout-times", help=f"{EXPERIMENT_TITLES['readout-times']}.")
@with_fields
def readout_times(settings: ImageOptions, options: RunOptions):
    _run("readout-times", settings, options)


@app.command("text", help=f"{EXPERIMENT_TITLES['text']}.")
@with_fields
def text(settings: TextOptions, options: RunOptions):
    _run("text", settings, options)


def _run(name: str, settings: Any, options: RunOptions) -> None:
    """Run an experiment whose fields are the given settings."""
    from keras_recur import data, experiments

    numbers = seed_list(options.seeds, options.first_seed)
    given = dataclasses.asdict(settings)
    if given.get("data") is not None:
        check_one_of("--data", given["data"], data.list_datasets())
    if given.get("data_dir") is not None:
        given["data_dir"] = str(check_path("data_dir", given["data_dir"]))
    given["num_examples"] = given.pop("examples")
    given = {k: v for k, v in given.items() if v is not None and v is not False}
    cls = experiments.get_experiment(name)
    asked = cls.quick(**given) if options.quick else cls(**given)
    used = getattr(asked, "data", None)
    parts = [name, *([used] if used else []), *(["quick"] * options.quick)]
    folder = run_folder(options.output, "-".join(parts))
    run_experiment(asked, folder, numbers, options.resume, options.jobs)
