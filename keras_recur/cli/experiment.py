"""The command `keras-recur experiment`, with a subcommand for each experiment."""

import dataclasses
import inspect
from typing import Annotated, Any

import typer

from keras_recur import experiments
from keras_recur._files import check_path
from keras_recur._validation import check_one_of
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
from keras_recur.data import list_datasets

app = typer.Typer(
    help="Answer a paper's question: train several networks and write one page.",
    no_args_is_help=True,
)

# Options by the fields of an experiment, and their defaults.
_FIELDS = {
    "data": (Annotated[str | None, typer.Option(help="Data set of images.")], None),
    "width": (Width, None),
    "num_examples": (Examples, None),
    "epochs": (Epochs, None),
    "data_dir": (DataDir, None),
    "download": (Download, False),
}


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
    entry = options.entry()
    asked = experiments.SupervisionExperiment(entry, tuple(losses.split(",")))
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
    entry = options.entry()
    asked = experiments.ReplayExperiment(
        entry, None if sizes is None else _sizes(sizes), longest, long_run
    )
    folder = run.folder("replay", entry.name, quick=options.quick)
    run_experiment(asked, run, folder)


def _sizes(text):
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise ValueError(
            "--sizes must be numbers separated by commas, such as 16,128,512. "
            f"Received: {text!r}."
        ) from None


def _command(name: str) -> Any:
    """Return the command of an experiment, with the options of its class."""
    cls = experiments.get_experiment(name)
    known = inspect.signature(cls).parameters
    fields = {field: option for field, option in _FIELDS.items() if field in known}

    def command(run, quick, **given):
        if given.get("data") is not None:
            check_one_of("--data", given["data"], list_datasets())
        if given.get("data_dir") is not None:
            given["data_dir"] = str(check_path("data_dir", given["data_dir"]))
        if "examples" in given:
            given["num_examples"] = given.pop("examples")
        settings = {k: v for k, v in given.items() if v is not None and v is not False}
        asked = cls.quick(**settings) if quick else cls(**settings)
        data = getattr(asked, "data", None)
        folder = run.folder(name, *([data] if data else []), quick=quick)
        run_experiment(asked, run, folder)

    def parameter(name, kind, default=inspect.Parameter.empty):
        keyword = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(name, keyword, default=default, annotation=kind)

    options = {**fields, "quick": (Quick, False)}.items()
    parameters = [parameter(key.removeprefix("num_"), *one) for key, one in options]
    parameters.append(parameter("run", RunOptions))
    vars(command)["__signature__"] = inspect.Signature(parameters)
    command.__doc__ = f"{cls.title}."
    return with_fields(command)


for _name in experiments.list_experiments():
    if _name not in (supervision.__name__, replay.__name__):
        app.command(_name)(_command(_name))
