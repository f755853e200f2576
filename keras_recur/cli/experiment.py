"""The command `keras-recur experiment`, with a subcommand for each experiment."""

import dataclasses
from typing import Annotated, Any

import typer

from keras_recur._files import check_path
from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._validation import check_one_of
from keras_recur.cli._app import App
from keras_recur.cli._run import run_experiment
from keras_recur.cli.entry_options import EntryOptions
from keras_recur.cli.options import (
    Data,
    DataDir,
    Download,
    Epochs,
    Examples,
    Name,
    Quick,
    Width,
    with_fields,
)
from keras_recur.cli.run_options import RunOptions

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


@app.command()
@with_fields
def supervision(
    options: EntryOptions,
    losses: Annotated[
        str, typer.Option(help="Losses to compare: final, uniform and geometric.")
    ] = "final,uniform",
    *,
    run: RunOptions,
):
    """Does recurrence matter, or the training of every readout?"""
    from keras_recur.experiments import SupervisionExperiment

    entry = options.entry()
    asked = SupervisionExperiment(entry, tuple(losses.split(",")))
    folder = run.folder("supervision", entry.name, quick=options.quick)
    run_experiment(asked, run, folder)


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
    *,
    run: RunOptions,
):
    """What keeps a loop right when it runs on? State replay, whole and in parts."""
    from keras_recur.experiments import ReplayExperiment

    entry = options.entry()
    asked = ReplayExperiment(
        entry, None if sizes is None else _sizes(sizes), longest, long_run
    )
    folder = run.folder("replay", entry.name, quick=options.quick)
    run_experiment(asked, run, folder)


@dataclasses.dataclass(frozen=True)
class FeaturesOptions(EntryOptions):
    """Options of an entry, by default of Fashion-MNIST."""

    name: Name = "resnet_bn"
    data: Data = "fashion_mnist"


@app.command()
@with_fields
def features(
    options: FeaturesOptions,
    probe_examples: Annotated[
        int, typer.Option(help="Examples on which a probe is fitted, and tested.")
    ] = 4_000,
    ablation_examples: Annotated[
        int, typer.Option(help="Test examples of the ablation of filters.")
    ] = 2_000,
    similarity_examples: Annotated[
        int, typer.Option(help="Test examples of the similarity of states.")
    ] = 1_000,
    *,
    run: RunOptions,
):
    """What do the iterations of both twins see? Probes, filters, similarity."""
    from keras_recur.experiments import FeaturesExperiment

    entry = options.entry()
    counts = (probe_examples, ablation_examples, similarity_examples)
    asked = FeaturesExperiment(entry, *counts)
    folder = run.folder("features", entry.name, quick=options.quick)
    run_experiment(asked, run, folder)


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
def sharing(settings: ImageOptions, quick: Quick = False, *, run: RunOptions):
    _experiment("sharing", settings, quick, run)


@app.command("readout-times", help=f"{EXPERIMENT_TITLES['readout-times']}.")
@with_fields
def readout_times(settings: ImageOptions, quick: Quick = False, *, run: RunOptions):
    _experiment("readout-times", settings, quick, run)


@app.command("text", help=f"{EXPERIMENT_TITLES['text']}.")
@with_fields
def text(settings: TextOptions, quick: Quick = False, *, run: RunOptions):
    _experiment("text", settings, quick, run)


def _experiment(name: str, settings: Any, quick: bool, run: RunOptions) -> None:
    """Run an experiment whose fields are the given settings."""
    from keras_recur import data, experiments

    given = dataclasses.asdict(settings)
    if given.get("data") is not None:
        check_one_of("--data", given["data"], data.list_datasets())
    if given.get("data_dir") is not None:
        given["data_dir"] = str(check_path("data_dir", given["data_dir"]))
    given["num_examples"] = given.pop("examples")
    given = {k: v for k, v in given.items() if v is not None and v is not False}
    cls = experiments.get_experiment(name)
    asked = cls.quick(**given) if quick else cls(**given)
    used = getattr(asked, "data", None)
    folder = run.folder(name, *([used] if used else []), quick=quick)
    run_experiment(asked, run, folder)
