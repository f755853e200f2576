"""The command `keras-recur experiment`, with a subcommand for each experiment."""

import dataclasses
import inspect
from typing import Annotated, Any

import typer

from keras_recur import experiments
from keras_recur._files import check_path
from keras_recur._validation import check_one_of
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
_COMMON = {
    "seeds": (Seeds, 3),
    "first_seed": (FirstSeed, 0),
    "jobs": (Jobs, None),
    "output": (Output, None),
    "quick": (Quick, False),
    "resume": (Resume, False),
}


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
    numbers = seed_list(seeds, first_seed)
    entry = options.entry()
    asked = experiments.SupervisionExperiment(entry, tuple(losses.split(",")))
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
    numbers = seed_list(seeds, first_seed)
    entry = options.entry()
    asked = experiments.ReplayExperiment(
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


def _command(name: str) -> Any:
    """Return the command of an experiment, with the options of its class."""
    cls = experiments.get_experiment(name)
    known = inspect.signature(cls).parameters
    fields = {field: option for field, option in _FIELDS.items() if field in known}

    def run(seeds, first_seed, jobs, output, quick, resume, **given):
        numbers = seed_list(seeds, first_seed)
        if given.get("data") is not None:
            check_one_of("--data", given["data"], list_datasets())
        if given.get("data_dir") is not None:
            given["data_dir"] = str(check_path("data_dir", given["data_dir"]))
        if "examples" in given:
            given["num_examples"] = given.pop("examples")
        settings = {k: v for k, v in given.items() if v is not None and v is not False}
        asked = cls.quick(**settings) if quick else cls(**settings)
        data = getattr(asked, "data", None)
        parts = [name, *([data] if data else []), *(["quick"] * quick)]
        run_experiment(
            asked, run_folder(output, "-".join(parts)), numbers, resume, jobs
        )

    parameters = [
        inspect.Parameter(
            field.removeprefix("num_"),
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=kind,
        )
        for field, (kind, default) in {**fields, **_COMMON}.items()
    ]
    vars(run)["__signature__"] = inspect.Signature(parameters)
    run.__doc__ = f"{cls.title}."
    return run


for _name in experiments.list_experiments():
    if _name not in (supervision.__name__, replay.__name__):
        app.command(_name)(_command(_name))
